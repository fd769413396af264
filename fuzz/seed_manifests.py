#!/usr/bin/env python3
"""Makes fuzz/corpus/manifest anew: small manifests with one of everything, as files and as what
stands in their frames, and some that are wrong. Needs protoc and zstd."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))

import manifests  # noqa: E402  (it is found by the line above)

CORPUS = os.path.join(TOP, "fuzz", "corpus", "manifest")


def save(name, data):
    with open(os.path.join(CORPUS, name), "wb") as file:
        file.write(data)


def main():
    os.makedirs(CORPUS, exist_ok=True)
    rich = manifests.shop(gaps=[{"kind": "sites", "path": b"/bin/\xff", "detail": "why", "count": 2}])
    rich["files"].append({"path": b"/usr/sh", "type": ("TYPE_SYMLINK",), "target": b"bin/../dash",
                          "present": True, "mode": 0o777})
    manifests.write(os.path.join(CORPUS, "file"), rich)
    save("content", manifests.packed(rich))
    save("least", manifests.packed({"schema": 1, "application": "a", "version": "1"}))
    save("newer", manifests.packed({"schema": 2, "application": "a", "version": "1"}))
    save("empty", b"")
    loop = {"path": b"/b", "type": ("TYPE_SYMLINK",), "target": b"b"}
    save("loop", manifests.packed(manifests.shop(files=[loop])))
    save("unsorted", manifests.packed(manifests.shop(files=[loop, {"path": b"/a"}])))
    with open(os.path.join(CORPUS, "file"), "rb") as file:
        save("cut", file.read()[:-5])


if __name__ == "__main__":
    main()

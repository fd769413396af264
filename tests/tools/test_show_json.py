#!/usr/bin/env python3
"""`show --json` prints what is in the file. protoc, which writes the file from a text and reads what
Footprint has written, and jq, which parses the JSON, are the judges."""
import datetime
import json
import os
import random
import shutil
import tempfile
import unittest

import manifests

ACCESS = ["read", "write", "create", "delete", "rename", "metadata", "exec", "load", "list",
          "check"]
TYPES = ["unknown", "file", "directory", "symlink", "fifo", "socket", "device"]
TYPE_NAMES = ["TYPE_UNKNOWN", "TYPE_FILE", "TYPE_DIRECTORY", "TYPE_SYMLINK", "TYPE_FIFO",
              "TYPE_SOCKET", "TYPE_DEVICE"]
CHANGES = 2 | 4 | 8 | 16
PIECES = [b"etc", b"usr", b"lib", b"l\xc3\xa4nge", b"\xff\xfe", b"new\nline", b"back\\slash",
          b"qu\"ote", b"\x01\x7f", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"half\xc3"]


def escape(path):
    """Escapes as footprint(1) says, with Python's UTF-8."""
    return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def words(access):
    return [word for bit, word in enumerate(ACCESS) if access & 1 << bit]


def timestamp(nanoseconds):
    if not nanoseconds:
        return None
    moment = datetime.datetime.fromtimestamp(nanoseconds // 10**9, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{nanoseconds % 10**9:09d}Z"


class Maker:
    """Makes a random manifest in canonical form, and the JSON that it must become."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.programs = self.paths(4)

    def paths(self, n):
        found = {b"/" + b"/".join(self.random.choices(PIECES, k=self.random.randint(1, 3)))
                 for _ in range(n)}
        return sorted(found)

    def some(self):
        """Indexes of some programs, ascending."""
        n = self.random.randint(0, len(self.programs))
        return sorted(self.random.sample(range(len(self.programs)), n))

    def names(self, indexes):
        return [escape(self.programs[index]) for index in indexes]

    def executables(self):
        message, expected = [], []
        for path in self.programs:
            executes, first = self.some(), self.random.random() < 0.3
            watched = self.random.randrange(3)
            runs = self.random.choice([0, 1, 2**40])
            interpreter = self.random.choice([b"", b"/lib64/ld.so", b"/\xff"])
            message.append({
                "path": path, "interpreter": interpreter, "executes": executes, "runs": runs,
                "watched": (["WATCHED_NONE", "WATCHED_PRELOAD", "WATCHED_SUPERVISED"][watched],),
                "first": first})
            one = {"path": escape(path), "runs": runs,
                   "watched": ["none", "preload", "supervised"][watched], "first": first,
                   "executes": self.names(executes)}
            if interpreter:
                one["interpreter"] = escape(interpreter)
            expected.append(one)
        return message, expected

    def file(self, path):
        kind = self.random.randrange(len(TYPES))
        uses = [{"by": by, "access": self.random.randrange(1, 1024)} for by in self.some()]
        access = 0
        for use in uses:
            access |= use["access"]
        message = {"path": path, "type": (TYPE_NAMES[kind],), "uses": uses}
        expected = {"path": escape(path), "type": TYPES[kind], "access": words(access),
                    "by": self.names([use["by"] for use in uses]),
                    "uses": [{"by": escape(self.programs[use["by"]]),
                              "access": words(use["access"])} for use in uses]}
        if TYPES[kind] == "symlink":
            message["target"] = b"../\xff"
            expected["target"] = escape(b"../\xff")
        if kind:
            mode = self.random.randrange(0o10000)
            message.update(present=True, mode=mode, uid=7, gid=2**32 - 1)
            expected.update(mode=f"{mode:04o}", uid=7, gid=2**32 - 1)
        if kind == 1 and not access & CHANGES:
            size, digest = self.random.choice([0, 1, 2**40]), self.random.randbytes(32)
            message.update(size=size, sha256=digest)
            expected.update(size=size, sha256=digest.hex())
        if self.random.random() < 0.5:
            message["package"] = 1
            expected.update(package="p", package_version="1:2-3")
        order = ["path", "type", "target", "uses", "present", "size", "mode", "uid", "gid",
                 "sha256", "package"]
        return {key: message[key] for key in order if key in message}, expected

    def library(self, path):
        by = self.some()
        loaders = [{"by": one, "loaded": (self.random.choice(["LOADED_NEEDED", "LOADED_DLOPEN"]),),
                    "requester": self.random.choice([b"", b"/\xff"])} for one in by]
        needed = self.random.choices(["libc.so.6", "libm.so.6"], k=self.random.randrange(3))
        message = {"path": path, "soname": "libx.so.1", "needed": needed, "build_id": "00ff",
                   "loaders": loaders}
        kinds = [loader["loaded"][0] for loader in loaders]
        expected = {"path": escape(path), "soname": "libx.so.1", "needed": needed,
                    "build_id": "00ff",
                    "loaded": "needed" if "LOADED_NEEDED" in kinds else "dlopen",
                    "by": self.names(by), "loaders": []}
        for loader in loaders:
            one = {"by": escape(self.programs[loader["by"]]),
                   "loaded": loader["loaded"][0][7:].lower()}
            if loader["requester"]:
                one["requester"] = escape(loader["requester"])
            expected["loaders"].append(one)
        return message, expected

    def make(self):
        executables, shown_executables = self.executables()
        files = [self.file(path) for path in self.paths(12)]
        packages = [{"manager": "dpkg", "name": "p", "version": "1:2-3", "architecture": "amd64"}]
        libraries = [self.library(path) for path in self.paths(3)]
        connected = self.some()
        missed = [(path, self.some()) for path in self.paths(3)]
        gaps = [{"kind": "sites", "path": b"/\xff", "detail": "why \"so\"", "count": 3}]
        if self.random.random() < 0.5:
            gaps = []
        message = {
            "schema": 1, "application": "app", "version": "1.0",
            "runs": [{"host": "h", "started_ns": 1_700_000_000_000_000_001, "ended_ns": 0,
                      "processes": 2**33, "records": 1}],
            "gaps": gaps,
            "executables": executables,
            "packages": packages if any("package" in one for one, _ in files) else [],
            "files": [one for one, _ in files],
            "libraries": [one for one, _ in libraries],
            "endpoints": [{"operation": ("OPERATION_SEND",), "address": "unix:@\u00e4",
                           "by": connected}],
            "missing": [{"path": path, "by": by} for path, by in missed],
        }
        expected = {
            "schema": 1, "app": "app", "version": "1.0", "complete": not gaps,
            "gaps": [{"kind": "sites", "path": escape(b"/\xff"), "count": 3,
                      "detail": "why \"so\""}] if gaps else [],
            "runs": [{"host": "h", "started": timestamp(1_700_000_000_000_000_001),
                      "ended": None, "processes": 2**33, "records": 1}],
            "files": [one for _, one in files],
            "executables": shown_executables,
            "libraries": [one for _, one in libraries],
            "endpoints": [{"operation": "send", "address": "unix:@\u00e4",
                           "by": self.names(connected)}],
            "missing": [{"path": escape(path), "by": self.names(by)} for path, by in missed],
        }
        return message, expected


class ShowJson(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "a.footprint")
        self.maxDiff = None

    def test_json_is_what_protoc_wrote(self):
        for seed in range(25):
            message, expected = Maker(seed).make()
            manifests.write(self.path, message)
            done = manifests.footprint("show", "--json", self.path)
            self.assertEqual(done.returncode, 0, (seed, done.stderr))
            self.assertEqual(json.loads(done.stdout), expected, seed)
            self.assertEqual(list(json.loads(done.stdout)), list(expected), "order of keys")

    def test_rewritten_manifests_are_protocs_bytes(self):
        for seed in range(25):
            message, _ = Maker(seed).make()
            content = manifests.write(self.path, message)
            merged = os.path.join(self.folder, "b.footprint")
            done = manifests.footprint("merge", "-o", merged, self.path, self.path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(manifests.unzstd(merged), content, seed)
            self.assertEqual(manifests.protoc("decode", manifests.unzstd(merged)),
                             manifests.protoc("decode", content))

    def test_jq_reads_it(self):
        if not shutil.which("jq"):
            self.skipTest("no jq")
        message, expected = Maker(1).make()
        manifests.write(self.path, message)
        done = manifests.footprint("show", "--json", self.path)
        read = manifests.run("jq", "-r", ".files[].path | @json", data=done.stdout)
        self.assertEqual(read.returncode, 0, read.stderr)
        self.assertEqual([json.loads(line) for line in read.stdout.decode().splitlines()],
                         [one["path"] for one in expected["files"]])

    def test_a_full_disk_is_reported(self):
        manifests.write(self.path, manifests.shop())
        with open("/dev/full", "wb") as full:
            done = manifests.subprocess.run([manifests.FOOTPRINT, "show", "--json", self.path],
                                            stdout=full, stderr=manifests.subprocess.PIPE,
                                            check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"footprint: standard output: No space left", done.stderr)


if __name__ == "__main__":
    manifests.main()

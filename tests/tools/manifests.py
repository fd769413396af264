"""Manifests made without Footprint: written as protobuf text, encoded by protoc, compressed by zstd.

A manifest is a dict as proto/manifest.proto names things: bytes for bytes, str for strings, int,
bool, ("ENUM_NAME",) for enum values, dict for messages, list for repeated fields.
"""
import os
import shutil
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(TOP, "build")))
FOOTPRINT = os.path.join(BUILD, "footprint")


def run(*command, data=None, env=None):
    """Runs a command, and returns the finished process, with its output as bytes."""
    return subprocess.run(command, input=data, capture_output=True, env=env, check=False)


def footprint(*arguments, **options):
    return run(FOOTPRINT, *arguments, **options)


def protoc(mode, data):
    """protoc --encode or --decode of a manifest."""
    done = run("protoc", f"--{mode}=footprint.Manifest", "-I", os.path.join(TOP, "proto"),
               "manifest.proto", data=data)
    if done.returncode:
        raise AssertionError(f"protoc --{mode}: {done.stderr.decode()}")
    return done.stdout


def quote(data):
    """A bytes or string literal of the text format."""
    raw = data.encode() if isinstance(data, str) else data
    return '"' + "".join(f"\\{byte:03o}" for byte in raw) + '"'


def text(message):
    """A message in protobuf's text format."""
    out = []
    for name, value in message.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                out.append(f"{name} {{ {text(one)} }}")
            elif isinstance(one, (bytes, str)):
                out.append(f"{name}: {quote(one)}")
            elif isinstance(one, tuple):
                out.append(f"{name}: {one[0]}")
            elif isinstance(one, bool):
                out.append(f"{name}: {str(one).lower()}")
            else:
                out.append(f"{name}: {one}")
    return "\n".join(out)


def packed(message):
    return protoc("encode", text(message).encode())


def write(path, message):
    """Writes the manifest file; returns the content of its zstd frame."""
    content = packed(message)
    frame = run("zstd", "-q", "-c", data=content)
    assert frame.returncode == 0, frame.stderr
    with open(path, "wb") as file:
        file.write(frame.stdout)
    return content


def unzstd(path):
    done = run("zstd", "-q", "-d", "-c", path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shop(version="1.3", **parts):
    """A small manifest; its lists can be replaced by name."""
    message = {
        "schema": 1,
        "application": "shop",
        "version": version,
        "runs": [{"host": "h", "started_ns": 1_700_000_000_123_456_789,
                  "ended_ns": 1_700_000_100_000_000_000, "processes": 3, "records": 9}],
        "executables": [
            {"path": b"/usr/bin/dash", "interpreter": b"/lib64/ld-linux-x86-64.so.2",
             "executes": [1], "runs": 1, "watched": ("WATCHED_PRELOAD",), "first": True},
            {"path": b"/usr/sbin/nginx", "runs": 2, "watched": ("WATCHED_PRELOAD",)},
        ],
        "packages": [{"manager": "dpkg", "name": "libssl3", "version": "3.0.11",
                      "architecture": "amd64"}],
        "files": [
            {"path": b"/etc/nginx.conf", "type": ("TYPE_FILE",),
             "uses": [{"by": 1, "access": 1}], "present": True, "size": 100, "mode": 0o644,
             "sha256": b"\1" * 32},
            {"path": b"/usr/lib/libssl.so.3", "type": ("TYPE_FILE",),
             "uses": [{"by": 1, "access": 128}], "present": True, "size": 5000, "mode": 0o644,
             "sha256": b"\2" * 32, "package": 1},
            {"path": b"/usr/lib/libz.so.1.2.13", "type": ("TYPE_FILE",),
             "uses": [{"by": 1, "access": 128}], "present": True, "size": 3000, "mode": 0o644,
             "sha256": b"\3" * 32},
        ],
        "libraries": [
            {"path": b"/usr/lib/libssl.so.3", "soname": "libssl.so.3",
             "needed": ["libz.so.1"], "build_id": "00ff",
             "loaders": [{"by": 1, "requester": b"/usr/sbin/nginx"}]},
            {"path": b"/usr/lib/libz.so.1.2.13", "soname": "libz.so.1",
             "loaders": [{"by": 1, "requester": b"/usr/lib/libssl.so.3"}]},
        ],
        "endpoints": [{"operation": ("OPERATION_BIND",), "address": "0.0.0.0:80", "by": [1]}],
        "missing": [{"path": b"/etc/ld.so.preload", "by": [0, 1]}],
    }
    for name, value in parts.items():
        message[name] = value
    return {name: message[name] for name in
            ("schema", "application", "version", "runs", "gaps", "executables", "packages",
             "files", "libraries", "endpoints", "missing") if name in message}


def main():
    """Runs the tests of the program, unless there is no judge."""
    if not shutil.which("protoc") or not shutil.which("zstd"):
        print("needs protoc and zstd")
        sys.exit(77)
    unittest.main()

#!/usr/bin/env python3
"""Compares a manifest with the container it was made in.

    examine.py flags                          the options strace needs, one a line
    examine.py paths SAID                     files dpkg may know, one a line
    examine.py attributes SAID ROOT PACKAGES  digests, modes, owners; packages by `dpkg-query --search`
    examine.py accesses SAID TRACE ROOT CWD   what was used, against what strace saw of another run

SAID is what `footprint show --json` printed, ROOT the container's file system. Exit status 1 when
something differs, and every difference is named. What strace saw is worked out by tests/oracle.
"""
import hashlib
import json
import os
import re
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "oracle"))
# pylint: disable=wrong-import-position
from judge import compare, exclusions, paths, said as oracle_said, seen, strace

TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

# What the runtime mounts over the image, and is not in its file system.
LAID_OVER = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}

OWN = exclusions.Own(
    library=b"/opt/footprint/libfootprint.so",
    socket=b"/run/footprint/aggregator.sock",
    spool=b"/run/footprint/spool",
)
STRING = re.compile(r'"([^"]*)"')
# Names that contain the process's pid, and so differ between two runs.
PID_IN_NAME = re.compile(rb"(/temp-|\.pyc\.)\d+")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def merged_usr_names(path):
    """The names dpkg's database may have for a path of a system with merged /usr."""
    yield path
    if path.startswith("/usr/"):
        yield path[len("/usr"):]


def searchable(said):
    return [f["path"] for f in said["files"] if f.get("type") in ("file", "symlink")]


def print_paths(said):
    for path in searchable(said):
        print(*merged_usr_names(path), sep="\n")


def packages_by_path(lines):
    """Reads "name, name:arch: /path"; diversions are not packages."""
    owners = {}
    for line in lines:
        names, _, path = line.rstrip("\n").partition(": ")
        if path.startswith("/") and not names.startswith("diversion"):
            owners.setdefault(path, set()).update(n.split(":")[0] for n in names.split(", "))
    return owners


def wrong_state(file, root):
    """What is wrong about type, mode, owner, size and digest in a manifest entry."""
    path = root + file["path"]
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        if "sha256" in file:
            yield "has a digest and is not there"
        return
    checks = {
        "type": TYPES[stat.S_IFMT(state.st_mode)],
        "mode": f"{stat.S_IMODE(state.st_mode):04o}",
        "uid": state.st_uid,
        "gid": state.st_gid,
    }
    if file.get("type") == "symlink":
        checks["target"] = os.readlink(path)
        del checks["mode"]
    changed = {"write", "create", "delete", "rename"} & set(file["access"])
    looked_at = not {"read", "exec", "load", "unobserved"} & set(file["access"])
    if file.get("type") == "file" and not changed:
        with open(path, "rb") as content:
            digest = hashlib.sha256(content.read()).hexdigest()
        # The content of a file that was only looked at does not count; a size of 0 alone means nothing.
        checks["sha256"] = None if looked_at else digest
        checks["size"] = None if looked_at and not state.st_size else state.st_size
    for key, value in checks.items():
        if file.get(key) != value:
            yield f"{key} is {value}, not {file.get(key)}"


def wrong_package(file, owners):
    expected = set()
    for name in merged_usr_names(file["path"]):
        expected |= owners.get(name, set())
    said = file.get("package")
    if len(expected) > 1:  # a symlink of the merged /usr, which is a folder in many packages
        expected = {None}
    if said not in (expected or {None}):
        yield f"belongs to {' '.join(sorted(expected)) or 'no package'}, not {said}"


def check_attributes(said, root, packages):
    with open(packages, encoding="utf-8") as lines:
        owners = packages_by_path(lines)
    known = set(searchable(said))
    wrong = 0
    for file in said["files"]:
        if file["path"] in LAID_OVER or file["path"].startswith(("/run/", "/dev/")):
            continue
        complaints = list(wrong_state(file, root))
        if file["path"] in known:
            complaints += wrong_package(file, owners)
        for complaint in complaints:
            print(f"{file['path']}: {complaint}")
        wrong += len(complaints)
    print(f"{len(said['files'])} files, {wrong} things wrong")
    if not owners:
        print("dpkg knows none of them")
    return 1 if wrong or not owners else 0


def steady(value):
    """A fact, with pids in names replaced."""
    if isinstance(value, tuple):
        return tuple(steady(part) for part in value)
    return PID_IN_NAME.sub(rb"\1PID", value) if isinstance(value, bytes) else value


def steady_sets(sides):
    for side in sides:
        for facts in side:
            for category, found in facts.items():
                if isinstance(found, dict):
                    facts[category] = {steady(fact): call for fact, call in found.items()}
                else:
                    facts[category] = {steady(fact) for fact in found}


def in_hex(string):
    text = string[1]
    return string[0] if "\\" in text else '"' + "".join(f"\\x{ord(c):02x}" for c in text) + '"'


def all_in_hex(trace):
    """The trace with every string in hexadecimal: strace before 6 leaves inet addresses as they are."""
    with open(trace, encoding="ascii") as lines, open(trace + ".hex", "w", encoding="ascii") as out:
        out.writelines(STRING.sub(in_hex, line) for line in lines)
    return trace + ".hex"


def check_accesses(manifest, trace, root, directory):
    resolver = paths.Resolver(os.fsencode(root))
    traced = seen.judge(all_in_hex(trace), resolver, OWN, os.fsencode(directory))
    told = oracle_said.Said(manifest)
    steady_sets([(traced.facts, traced.derived), (told.facts, told.implied)])
    traced.gone = {steady(path) for path in traced.gone}
    failed = False
    for category, score in compare.compare(traced, told).items():
        print(f"{category:10} {score.expected:5} seen  {len(score.missed):3} missed"
              f"  {len(score.extra):3} extra")
        for fact, line in score.missed:
            print(f"    missed {fact}: {line}")
        for fact in score.extra:
            print(f"    extra  {fact}")
        failed = failed or bool(score.missed or score.extra)
    return 1 if failed or not traced.calls else 0


def main():
    command, *arguments = sys.argv[1:]
    if command == "flags":
        print(*strace.FLAGS, sep="\n")
        return 0
    if command == "paths":
        print_paths(load(arguments[0]))
        return 0
    if command == "attributes":
        return check_attributes(load(arguments[0]), *arguments[1:])
    if command == "accesses":
        return check_accesses(load(arguments[0]), *arguments[1:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main())

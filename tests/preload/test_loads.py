#!/usr/bin/env python3
"""What the dynamic linker maps is recorded as loaded, and nothing else is. This includes modules that libc
loads internally, without a public dlopen, with libc as their requester. strace is the judge of what is
mapped, readelf of what an object needs. Under glibc 2.31, 2.36 and 2.41."""
# time-limit: 300
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hooks_judge
import sites_world
from sites_world import HERE

# The kernel ignores this flag. Programs do not use it, but the dynamic linker does.
MAPPED = re.compile(r"mmap\([^<]*MAP_DENYWRITE[^<]*, \d+<([^>]*)>, ")
OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)".* = \d+<([^>]*)>')
E_MACHINE, EM_386 = 18, 3
failures = []


def expect(what, condition, detail=""):
    if not condition:
        failures.append(f"{what} {detail}")


def needed_by(path):
    dynamic = subprocess.run(["readelf", "-dW", path], check=True, text=True, stdout=subprocess.PIPE)
    return set(re.findall(r"NEEDED.*\[(.*)\]", dynamic.stdout))


def run(world, words, **environment):
    """strace's lines for the program itself, and the recorded loads: (how, real path, requester)."""
    log = os.path.join(world.scratch, "strace-loads")
    receiver = world.listen()
    try:
        subprocess.run(["strace", "-f", "-y", "-s", "5000", "-o", log, "-e",
                        "trace=execve,open,openat,mmap,memfd_create"] +
                       world.command(world.environment(**environment) + words),
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60, check=False)
        receiver.wait_ended()
        facts, _ = hooks_judge.facts_of(receiver.records(), receiver.hellos())
    finally:
        receiver.close()
    with open(log, errors="surrogateescape") as file:
        lines = hooks_judge.merge(file.read()).splitlines()
    start = max(i for i, line in enumerate(lines) if "execve(" in line and line.endswith(" = 0"))
    root = world.root or ""
    loads = {(how, os.path.realpath(root + path), requester)
             for how, path, requester in facts if how.startswith("LOADED")}
    return lines[start + 1:], loads


def after_start(lines):
    """What is mapped after the library has started: real path -> the name by which it was opened."""
    names, found = {}, {}
    start = max(i for i, line in enumerate(lines) if "memfd_create(" in line)
    for line in lines[start:]:
        opened, mapped = OPENED.search(line), MAPPED.search(line)
        if opened:
            names[opened[2]] = os.path.basename(opened[1])
        elif mapped:
            found.setdefault(mapped[1], names.get(mapped[1]))
    return found


def test_all_that_is_mapped(world, words, **environment):
    """Everything that is mapped is recorded. Returns strace's lines, and what was loaded after the start."""
    what = f"{world.name}: {' '.join(words)}:"
    lines, loads = run(world, words, **environment)
    mapped = {match[1] for match in map(MAPPED.search, lines) if match}
    recorded = {path for _, path, _ in loads
                if not re.search(r"/ld-(linux|2\.)[^/]*$", path)}
    library = os.path.realpath((world.root or "") + world.library)
    expect(what, library in mapped, "the judge saw nothing")
    expect(f"{what} mapped, not recorded:", mapped - {library} <= recorded, mapped - recorded)
    expect(f"{what} recorded, not mapped:", recorded <= mapped, recorded - mapped)
    return lines, loads, after_start(lines)


def test_libc_asks(world, words, **environment):
    """libc is the requester of what it loads. Returns how many objects it requested."""
    lines, loads, loaded = test_all_that_is_mapped(world, words, **environment)
    libc = {os.path.realpath(path) for _, path, _ in loads if re.search(r"/libc[.-]", path)}
    asked = 0
    for path, name in loaded.items():
        along = any(name in needed_by(other) for other in loaded)
        asked += not along
        reasons = {(how, os.path.realpath((world.root or "") + by) if by else "")
                   for how, found, by in loads if found == path}
        wanted = {("LOADED_BY_NEEDED", "")} if along else {("LOADED_BY_DLOPEN", min(libc))}
        expect(f"{world.name}: {' '.join(words)}: {path}:", reasons == wanted,
               f"{reasons} instead of {wanted}")
    return lines, asked


def test_a_candidate_of_another_machine(world, program):
    """ld.so opens a library for another machine, discards it, and continues its search."""
    folder = os.path.join(world.folder, "foreign")
    os.mkdir(folder)
    candidate = os.path.join(folder, "libgcc_s.so.1")
    shutil.copy(os.path.join(world.root or "/", "lib/x86_64-linux-gnu/libgcc_s.so.1"), candidate)
    with open(candidate, "r+b") as file:
        file.seek(E_MACHINE)
        file.write(bytes([EM_386, 0]))
    lines, asked = test_libc_asks(world, [program, "cancel"],
                                  LD_LIBRARY_PATH=os.path.join(world.inside, "foreign"))
    opened = {match[2] for match in map(OPENED.search, lines) if match}
    expect(f"{world.name}: the candidate", candidate in opened, f"was not opened: {opened}")
    expect(f"{world.name}: libgcc_s", asked == 1, f"{asked} objects asked for")


def test_a_dlopen_that_fails(world, program):
    """The object is mapped before ld.so finds that something it needs is missing."""
    def shared(name, *needs):
        path = os.path.join(world.folder, name)
        subprocess.run(["gcc", "-shared", "-nostdlib", "-o", path, "-Wl,--no-as-needed,-soname," + name,
                        *needs, "-x", "c", "/dev/null"], check=True)
        return path

    missing = shared("libmissing.so")
    shared("libbroken.so", missing)
    os.unlink(missing)
    lines, _, loaded = test_all_that_is_mapped(
        world, [program, "open", os.path.join(world.inside, "libbroken.so")])
    expect(f"{world.name}: libbroken", any("libbroken" in path for path in loaded),
           f"was not mapped: {lines}")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        for world in sites_world.worlds(scratch):
            try:
                if world.name == "musl":
                    continue  # musl loads nothing internally; test_hooks_dlopen.py tests its dlopen
                program = world.compile(os.path.join(HERE, "sites", "loads.c"), "-Wl,--as-needed")
                asked = sum(test_libc_asks(world, words)[1] for words in (
                    ["getent", "passwd"],
                    ["iconv", "-f", "LATIN1", "-t", "CP1252", "/etc/hostname"],
                    [program, "cancel"]))
                expect(f"{world.name}: modules of libc", asked >= 2, f"{asked} were loaded")
                print(f"{world.name}: libc loaded {asked} objects by itself")
                test_a_candidate_of_another_machine(world, program)
                test_a_dlopen_that_fails(world, program)
            finally:
                world.close()
    for failure in failures[:60]:
        print(failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

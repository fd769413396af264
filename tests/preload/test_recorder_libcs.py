#!/usr/bin/env python3
"""One library for every libc: what the dynamic linkers of glibc 2.31, 2.36, 2.41 and musl did before it
started, and what a program reads, is recorded as strace saw it."""
# time-limit: 300

import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recorder_receiver as wire  # noqa: E402
from sites_world import release_root  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(wire.TOP, "build")))
LIBRARY = os.path.join(BUILD, "libfootprint.so")
READ, CHECK = 1, 512
OPENED = re.compile(r'openat\(AT_FDCWD, "([^"]+)", (O_RDONLY|O_RDWR)[^)]*\) = \d')
OPEN = re.compile(r'open\("([^"]+)", (O_RDONLY|O_RDWR)[^)]*\) = \d')
LINKER_MISSED = re.compile(r'(?:openat\(AT_FDCWD, |open\()"(/etc/ld[^"]+)",[^)]*\) = -1 ENOENT')
MUSL_PROGRAM = r"""
#include <stdio.h>
int main(void) { FILE *f = fopen("/etc/passwd", "r"); return !f || fgetc(f) == EOF; }
"""


def run(root, folder, command, **variables):
    """strace's lines for the program itself, and the records of the same run."""
    inside = folder[len(root):] or "/"
    library = os.path.join(inside, "libfootprint.so")
    shutil.copy(LIBRARY, folder)
    os.mkdir(os.path.join(folder, "spool"))
    receiver = wire.Receiver(os.path.join(folder, "aggregator.sock"))
    trace = os.path.join(folder, "trace")
    variables.update(LD_PRELOAD=library, FOOTPRINT_SOCKET=os.path.join(inside, "aggregator.sock"))
    change_root = ["chroot", root] if root else []
    try:
        subprocess.run(["strace", "-f", "-o", trace, *change_root, "/usr/bin/env", "-i",
                        *("%s=%s" % pair for pair in variables.items()), *command],
                       check=True, stdout=subprocess.DEVNULL)
        receiver.wait_ended()
        with open(trace) as file:
            lines = file.read().splitlines()
        start = max(i for i, line in enumerate(lines) if "execve(" in line and " = 0" in line)
        ours = ("libfootprint.so", os.path.join(inside, "spool"), "/proc/self/exe", "/proc/self/cmdline",
                'openat(AT_FDCWD, "/", O_RDONLY|O_CLOEXEC|O_PATH')
        lines = [line for line in lines[start:] if not any(text in line for text in ours)]
        return lines, receiver.records(), receiver.hellos(), receiver.roots[0:1] and \
            os.fstat(receiver.roots[0])
    finally:
        receiver.close()


def check(root, command, **variables):
    with tempfile.TemporaryDirectory(dir=os.path.join(root, "tmp") if root else None) as folder:
        os.chmod(folder, 0o755)
        lines, records, hellos, sent_root = run(root, folder, command, **variables)
    opened = {m.group(1) for line in lines for m in (OPENED.search(line), OPEN.search(line)) if m}
    missed = {m.group(1) for line in lines if (m := LINKER_MISSED.search(line))}
    found = {r["path"].decode() for r in records
             if r["kind"] in ("PATH", "LOAD") and not r.get("error") and
             (r["kind"] == "LOAD" or r["access"] & READ)}
    # The kernel maps these, which strace does not show. If the linker was executed, it is the program.
    started = {command[0], *(hellos[0].get(name, b"").decode()
                             for name in ("interpreter", "executable"))}
    assert found - started == opened - started, sorted(found ^ opened)
    assert {r["path"].decode() for r in records if r["kind"] == "PATH" and r.get("error") == 2 and
            r["access"] == READ and r["path"].startswith(b"/etc/ld")} == missed, (records, missed)
    assert os.path.samestat(sent_root, os.stat(root or "/"))
    preload = any('"/etc/ld.so.preload"' in line for line in lines)
    assert preload == any(r.get("path") == b"/etc/ld.so.preload" for r in records)
    return hellos[0]


def check_linker_as_program(root, linker, *options):
    """`ld.so PROGRAM` removes its own arguments, in a different way in each glibc."""
    program = ["/bin/cat", "/etc/passwd"]
    hello = check(root, [linker, *options, *program])
    assert hello["executable"] == hello["invoked_as"] == b"/bin/cat", hello
    change_root = ["chroot", root] if root else []
    with tempfile.TemporaryDirectory(dir=os.path.join(root, "tmp") if root else None) as folder:
        os.chmod(folder, 0o755)
        shutil.copy(LIBRARY, folder)
        inside = folder[len(root):]
        variables = ["LD_PRELOAD=%s/libfootprint.so" % inside,
                     "FOOTPRINT_SOCKET=%s/nobody" % inside]
        for sites in ("FOOTPRINT_SITES=0", "FOOTPRINT_SITES=1"):
            watched = subprocess.run([*change_root, "/usr/bin/env", "-i", *variables, sites, linker,
                                      *options, *program], capture_output=True, check=True)
            with open(root + "/etc/passwd", "rb") as file:
                assert watched.stdout == file.read()


def check_release(root):
    check(root, ["/bin/cat", "/etc/passwd"])
    # If libraries are found without the cache, ld.so does not read it.
    libraries = os.path.dirname(next(path for path in (
        "/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6")
        if os.path.exists(root + path)))
    check(root, ["/bin/cat", "/etc/passwd"], LD_LIBRARY_PATH=libraries)
    check(root, ["/bin/sh", "-c", "read x < /etc/hostname || :"])
    linker = "/lib64/ld-linux-x86-64.so.2"
    check_linker_as_program(root, linker)
    if os.path.exists(root + "/proc/self/cmdline"):  # the linker's options are nowhere else
        check_linker_as_program(root, linker, "--library-path", libraries)
        check_linker_as_program(root, linker, "--library-path", "/usr/lib/none:/lib")


def check_run_paths():
    """Libraries that are found by $ORIGIN, together with others and without."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/inner")
        with open(folder + "/empty.c", "w") as file:
            file.write("void empty(void) {}\n")
        with open(folder + "/main.c", "w") as file:
            file.write("void empty(void);\nint main(void) { empty(); return 0; }\n")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder + "/inner/libempty.so",
                        folder + "/empty.c"], check=True)
        libc = "/lib/x86_64-linux-gnu"
        for name, paths in (("own", "$ORIGIN/inner"), ("braces", "${ORIGIN}/inner/"),
                            ("all", "$ORIGIN/inner:" + libc), ("library", "$ORIGIN/inner:/$LIB"),
                            ("above", "$ORIGIN/inner:/lib")):
            for tag in ("--enable-new-dtags", "--disable-new-dtags"):
                program = "%s/%s%s" % (folder, name, tag[2:5])
                subprocess.run(["gcc", "-o", program, folder + "/main.c", "-L" + folder + "/inner",
                                "-lempty", "-Wl,%s,-rpath,%s" % (tag, paths)], check=True)
                check("", [program])


def check_musl(root):
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "musl.c"), os.path.join(folder, "musl")
        with open(source, "w") as file:
            file.write(MUSL_PROGRAM)
        subprocess.run(["musl-gcc", "-o", program, source], check=True)
        check(root, [program])


def main():
    if not shutil.which("strace"):
        print("no strace")
        return 77
    failed = 0
    worlds = [("this machine", lambda: "", check_release), ("musl", lambda: "", check_musl),
              ("run paths", lambda: "", lambda root: check_run_paths()),
              ("bullseye", lambda: release_root("bullseye"), check_release),
              ("trixie", lambda: release_root("trixie"), check_release)]
    for name, make_root, function in worlds:
        root = make_root()
        if root is None or (function is check_musl and not shutil.which("musl-gcc")):
            print("not checked: %s" % name)
            continue
        try:
            function(root)
        except Exception:  # each world is to be reported
            failed += 1
            print("FAILED on %s" % name)
            traceback.print_exc(limit=3, file=sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

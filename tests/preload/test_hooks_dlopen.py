#!/usr/bin/env python3
"""dlopen finds what it would find without the library, whoever calls it, and what it loads is recorded
with its requester. Under this machine's glibc, musl, and the glibc of each $BUILD/rootfs/SUITE."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hooks_judge
from recorder_receiver import Receiver

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LIBRARY = os.path.join(BUILD, "libfootprint.so")
failures = []


def build(work, compiler, link):
    """Builds objects in folders of their own; `link` ends each command. Returns the program."""
    def one(part, name, *options):
        os.makedirs(os.path.dirname(os.path.join(work, name)), exist_ok=True)
        subprocess.run([compiler, "-w", "-O2", f"-D{part}", os.path.join(HERE, "hooks/dlopen.c"),
                        "-o", name, *options, *link(name)], cwd=work, check=True)

    shared = ["-shared", "-fPIC"]
    one("NEEDED", "plugins/libneeded.so", *shared, "-Wl,-soname,libneeded.so")
    one("PLUGIN", "plugins/libplugin.so", *shared, "plugins/libneeded.so",
        "-Wl,-soname,libplugin.so,-rpath,$ORIGIN")
    for name in ("libprogramplugin.so", "libnowhereplugin.so"):
        one("NEEDED", f"others/{name}", *shared)
    one("LIBRARY", "library/liblibrary.so", *shared, "-Wl,-soname,liblibrary.so",
        "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../plugins")
    one("PROGRAM", "program", "-rdynamic", "-Wl,--no-as-needed", "library/liblibrary.so",
        "-Wl,--enable-new-dtags,-rpath,$ORIGIN/library:$ORIGIN/others")
    return os.path.join(work, "program")


def compare(label, work, command, runpath_matters=True):
    bare = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    receiver = Receiver(os.path.join(work, "socket"))
    result = subprocess.run(command, stdout=subprocess.PIPE, env={
        **os.environ, "LD_PRELOAD": LIBRARY, "FOOTPRINT_SOCKET": receiver.path})
    receiver.wait_ended()
    facts, _ = hooks_judge.facts_of(receiver.records(), receiver.hellos())
    receiver.close()
    if result.returncode or result.stdout.decode() != bare:
        failures.append(f"{label}: status {result.returncode}, said\n{result.stdout.decode()}"
                        f"bare\n{bare}")
    if runpath_matters and "from the library: loaded" not in bare:
        failures.append(f"{label}: the test itself is wrong:\n{bare}")
    real = {(kind, os.path.realpath(path), os.path.realpath(by) if by else "")
            for kind, path, by in facts if kind.startswith("LOADED")}
    library = f"{work}/library/liblibrary.so"
    wanted = {("LOADED_BY_DLOPEN", f"{work}/plugins/libplugin.so", library),
              ("LOADED_BY_NEEDED", f"{work}/plugins/libneeded.so", library)} \
        if runpath_matters else set()
    programs = {f"{work}/others/{name}" for name in ("libprogramplugin.so", "libnowhereplugin.so")}
    for fact in sorted(wanted - real):
        failures.append(f"{label}: not recorded: {fact}, but {sorted(real)}")
    for path in sorted(programs):
        if not any(kind == "LOADED_BY_DLOPEN" and found == path for kind, found, _ in real):
            failures.append(f"{label}: {path} is not recorded as dlopened")
    print(f"{label}: {len(real)} objects recorded, {bare.count(': loaded')} dlopens succeeded")


def main():
    with tempfile.TemporaryDirectory() as top:
        top = os.path.realpath(top)

        def place(name):
            os.mkdir(os.path.join(top, name))
            return os.path.join(top, name)

        work = place("glibc")
        compare("glibc", work, [build(work, "gcc", lambda name: [])])
        if os.path.exists("/usr/bin/musl-gcc"):
            work = place("musl")
            compare("musl", work, [build(work, "musl-gcc", lambda name: [])],
                    runpath_matters=False)
        for suite, folder, linker in hooks_judge.suites(BUILD):
            work = place(suite)
            program = build(work, "gcc", lambda name, folder=folder: hooks_judge.suite_options(
                folder, name == "program"))
            compare(suite, work, [linker, "--library-path", folder, program])
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

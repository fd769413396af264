#!/usr/bin/env python3
"""Programs that do unusual things have the same output and end as without the library: with an aggregator,
with one that lends pools, and without one."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recorder_receiver import Receiver

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LIBRARY = os.path.join(BUILD, "libfootprint.so")
PROGRAMS = ["alternate_stack", "backtrace", "environment", "descriptors", "resolver", "unreadable", "weak", "wordexp", "words"]


def build(compiler, name, work):
    """Compiles without optimisation, so that unwinders find frame pointers. Some programs have a library."""
    program, source = os.path.join(work, f"{name}-{compiler}"), f"{HERE}/harmless/{name}.c"
    command = [compiler, "-std=gnu11", "-O0", "-w", "-o", program, source, "-Wl,-z,now"]
    if name in ("backtrace", "resolver"):
        subprocess.run([compiler, "-std=gnu11", "-O0", "-w", "-shared", "-fPIC", "-fno-plt", "-DLIBRARY", "-o",
                        program + ".so", source], check=True)
    subprocess.run(command + ([program + ".so"] if name == "resolver" else []), check=True)
    return program


def ended(*program, **environment):
    result = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, **environment})
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def compare(label, program, socket, bare):
    watched = ended(program, LD_PRELOAD=LIBRARY, FOOTPRINT_SOCKET=socket)
    return [] if watched == bare else [f"{label}: {watched}, bare {bare}"]


def judge(compiler, name, work):
    program = build(compiler, name, work)
    bare = ended(program)
    failures = [f"{name}: the test itself is wrong: {bare}"] if bare[0] else []
    failures += compare(f"{compiler}, {name}, nobody listens", program, work + "/nobody/socket", bare)
    receiver = Receiver(program + ".socket")
    failures += compare(f"{compiler}, {name}", program, receiver.path, bare)
    receiver.wait_ended()
    receiver.close()
    run = ended(BUILD + "/footprint", "run", "-o", program + ".footprint", "--", program)
    failures += [] if run[:2] == bare[:2] else [f"{compiler}, {name}, footprint run: {run}, bare {bare}"]
    print(f"{compiler}, {name}: {bare[1]}", end="")
    return failures


def read_by_valgrind(work):
    """Valgrind reads the unwind tables of everything that is loaded, and reports what it does not
    understand."""
    if not shutil.which("valgrind"):
        print("there is no valgrind, left out")
        return []
    result = subprocess.run(["valgrind", "-q", "--tool=none", "/bin/true"], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, "LD_PRELOAD": LIBRARY,
                                                           "FOOTPRINT_SOCKET": work + "/nobody/socket"})
    return [f"under valgrind: {result}"] if result.returncode or result.stdout else []


def main():
    failures = []
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(work + "/nobody")
        for name in PROGRAMS:
            failures += judge("gcc", name, work)
        if shutil.which("musl-gcc"):
            failures += judge("musl-gcc", "weak", work)
        failures += read_by_valgrind(work)
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

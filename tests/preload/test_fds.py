#!/usr/bin/env python3
"""The library has one descriptor at most, which the application cannot reach, which is not in its way, and
which is never one of its files. The output is compared with that of the bare program."""
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


def lines(output):
    """The lines that both runs must have, and those that only concern the descriptor."""
    said = output.decode().splitlines()
    return ([line for line in said if not line.startswith("own")],
            [line for line in said if line.startswith("own")])


def judge(compiler, work):
    """Runs the program, built by `compiler`, without and with the library; returns what was wrong."""
    failures = []
    os.mkdir(work)
    program = os.path.join(work, "fds")
    subprocess.run([compiler, "-std=gnu11", "-O2", "-w", "-o", program,
                    os.path.join(HERE, "hooks/fds.c")], check=True)
    bare, _ = lines(subprocess.run([program], cwd=work, stdout=subprocess.PIPE,
                                   check=True).stdout)
    receiver = Receiver(os.path.join(work, "socket"))
    result = subprocess.run([program], cwd=work, stdout=subprocess.PIPE, check=True, env={
        **os.environ, "LD_PRELOAD": LIBRARY, "FOOTPRINT_SOCKET": receiver.path})
    receiver.wait_ended()
    facts, _ = hooks_judge.facts_of(receiver.records(), receiver.hellos())
    sessions = len({hello["session"] for hello in receiver.hellos()})
    receiver.close()
    said, own = lines(result.stdout)
    for ours, theirs in zip(said, bare):
        if ours != theirs:
            failures.append(f"{compiler}: said '{ours}', bare '{theirs}'")
    if len(said) != len(bare):
        failures.append(f"{compiler}: {len(said)} lines, bare {len(bare)}")
    print(f"{compiler}: " + ", ".join(own))
    if own[0] == "own -1" or own[0] != own[1]:
        failures.append(f"{compiler}: the descriptor did not survive: {own}")
    if sessions != 1:
        failures.append(f"{compiler}: {sessions} sessions of one image")
    for name in ("t-before", "t-after", "t-child"):
        if ("read", os.path.join(os.path.realpath(work), name), "missing") not in facts:
            failures.append(f"{compiler}: {name} is not recorded")
    return failures


def main():
    with tempfile.TemporaryDirectory() as work:
        failures = judge("gcc", os.path.join(work, "glibc"))
        if os.path.exists("/usr/bin/musl-gcc"):
            failures += judge("musl-gcc", os.path.join(work, "musl"))
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Every hooked family returns what libc does, and is recorded as strace sees it.

hooks/families.c runs bare under strace, and in another folder with the library: once with the hooks alone
(FOOTPRINT_SITES=0), and once with everything. Its output must be the same, and so must the facts about the
names that it uses."""
import os
import re
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

# musl restores the template of a name that it has tried in vain, before it returns.
UNKNOWABLE = {("create read write", "/t-none/t-mkx.XXXXXX", "missing")}


def check(what, expected, found):
    for fact in sorted(expected - found):
        failures.append(f"{what}: not recorded: {fact}")
    for fact in sorted(found - expected):
        failures.append(f"{what}: recorded, and strace saw nothing of it: {fact}")


def of_interest(facts, folder):
    """Facts about names that begin with t-, with the folder and random letters taken out."""
    out = set()
    for access, path, outcome in facts:
        path = path.replace(folder, "", 1)
        if re.search(r"(^|/)(sem\.)?t-", path):
            out.add((access, re.sub(r"(t-mk\w+\.)\w{6}", r"\1XXXXXX", path), outcome))
    return out


def watched(command, work, name, environment):
    """Runs it with the library; returns its output, facts and gaps."""
    folder = os.path.join(work, name)
    os.mkdir(folder)
    receiver = Receiver(os.path.join(work, name + ".sock"))
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True, env={
        **os.environ, "LD_PRELOAD": LIBRARY, "FOOTPRINT_SOCKET": receiver.path, **environment})
    receiver.wait_ended()
    facts, gaps = hooks_judge.facts_of(receiver.records(), receiver.hellos())
    receiver.close()
    return result.stdout, of_interest(facts, folder), gaps


def compare_output(what, bare, found):
    for ours, theirs in zip(found.decode().splitlines(), bare.decode().splitlines()):
        if ours != theirs:
            failures.append(f"{what}: said '{ours}', bare '{theirs}'")
    if len(bare) != len(found):
        failures.append(f"{what}: {len(found)} bytes of output, bare {len(bare)}")


def family_test(compiler, label, work, modes, runner=(), options=()):
    program = os.path.join(work, "families-" + label)
    # Since 1.2.4, musl only declares open64 and the like if that is requested.
    subprocess.run([compiler, "-std=gnu11", "-D_LARGEFILE64_SOURCE", "-O2", "-w", "-o", program,
                    os.path.join(HERE, "hooks/families.c"), *options], check=True)
    bare_folder = os.path.join(work, label + "-bare")
    os.mkdir(bare_folder)
    command = [*runner, program]
    expected, bare = hooks_judge.strace(command, bare_folder, scratch=work)
    expected = of_interest(expected, bare_folder)
    if len(expected) < 100:
        sys.exit(f"strace shows only {len(expected)} facts of {label}")
    for mode, environment in modes.items():
        output, facts, gaps = watched(command, work, f"{label}-{mode}", environment)
        compare_output(f"{label}, {mode}", bare, output)
        if label == "musl" and mode == "hooks alone":
            facts |= UNKNOWABLE
        check(f"{label}, {mode}", expected, facts)
        print(f"{label}, {mode}: {len(expected)} facts by strace, {len(facts & expected)} found,"
              f" {len(facts - expected)} too many")


def main():
    if not all(os.path.exists(f"/usr/bin/{tool}") for tool in ("strace", "protoc")):
        print("needs strace and protoc")
        sys.exit(77)
    modes = {"hooks alone": {"FOOTPRINT_SITES": "0"}, "sites": {}}
    with tempfile.TemporaryDirectory() as work:
        family_test("gcc", "glibc", work, modes)
        if os.path.exists("/usr/bin/musl-gcc"):
            family_test("musl-gcc", "musl", work, modes)
        for suite, folder, linker in hooks_judge.suites(BUILD):
            options = hooks_judge.suite_options(folder, True)
            if os.path.exists(folder + "/libc-2.31.so"):
                options.append("-DBEFORE_2_33")
            family_test("gcc", suite, work, modes, [linker, "--library-path", folder], options)
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Processes made in every way, threads, signal handlers, cancellation, exceptions and seccomp filters with
the library: the same output and end as without it, and the facts that strace sees."""
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
APART = ["own-descriptors", "own-descriptors-by-range", "memory-alone", "descriptors-alone",
         "vforks-apart", "first-thread-ends", "namespace"]
ALL = ["vfork", "fork", "clone", *APART, "daemon", "threads", "signals", "moves", "cancel", "exceptions", "seccomp"]
# Only these can be compared: how many signals come, and where, differs between runs; a filter hides the
# directory that a later path is relative to; and only the sites see how exceptions walk.
JUDGED = {"vfork", "fork", "clone", *APART, "daemon", "threads", "moves"}
failures = []


def of_interest(facts, folder):
    return {(access, path.replace(folder, "", 1), end) for access, path, end in facts
            if re.search(r"/t-", path.replace(folder, "", 1))}


def run(program, what, work, name, preload=LIBRARY, **environment):
    folder = os.path.join(work, name)
    os.mkdir(folder)
    receiver = Receiver(os.path.join(work, name + ".sock"))
    result = subprocess.run([program, what], cwd=folder, stdout=subprocess.PIPE, env={
        **os.environ, "LD_PRELOAD": preload, "FOOTPRINT_SOCKET": receiver.path, **environment})
    receiver.wait_ended()
    facts, gaps = hooks_judge.facts_of(receiver.records(), receiver.hellos())
    receiver.close()
    return result.returncode, result.stdout.decode(), of_interest(facts, folder)


def compare(program, what, work):
    folder = os.path.join(work, what + "-bare")
    os.mkdir(folder)
    bare = subprocess.run([program, what], cwd=folder, stdout=subprocess.PIPE)
    expected = set()
    if what in JUDGED:
        folder = os.path.join(work, what + "-strace")
        os.mkdir(folder)
        expected = of_interest(hooks_judge.strace([program, what], folder, scratch=work)[0], folder)
    for sites in "01":
        status, said, facts = run(program, what, work, f"{what}-{sites}", FOOTPRINT_SITES=sites)
        label = f"{what} (sites {sites})"
        if (status, said) != (bare.returncode, bare.stdout.decode()):
            failures.append(f"{label}: ended {status}, bare {bare.returncode}, said {said!r}, "
                            f"bare {bare.stdout.decode()!r}")
        if what in JUDGED:
            for fact in sorted(expected - facts):
                failures.append(f"{label}: not recorded: {fact}")
            for fact in sorted(facts - expected):
                failures.append(f"{label}: strace saw nothing of {fact}")
        print(f"{label}: {len(expected)} facts by strace, {len(facts)} recorded")
        if what == "seccomp":
            for name in ("t-filtered", "t-filtered-1999", "t-filtered-stat"):
                if not any(path == "/" + name for _, path, _ in facts):
                    failures.append(f"{label}: {name} is not recorded")
        if what == "signals":
            for number in range(50):
                if ("read", f"/t-signal-{number}", "missing") not in facts:
                    failures.append(f"{label}: t-signal-{number} is not recorded")


def other_preloads(work, program):
    """A preloaded allocator, before and after our library."""
    jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
    if not os.path.exists(jemalloc):
        return
    for i, preload in enumerate((f"{jemalloc}:{LIBRARY}", f"{LIBRARY} {jemalloc}")):
        status, said, facts = run(program, "threads", work, f"jemalloc-{i}", preload)
        if status or len(facts) < 2000:
            failures.append(f"{preload}: ended {status}, {len(facts)} facts")


def overwritten(work):
    """A program that writes its title over its environment, and then starts another."""
    receiver = Receiver(os.path.join(work, "title.sock"))
    environment = {"PATH": "/usr/bin:/bin", "LD_PRELOAD": LIBRARY,
                   "FOOTPRINT_SOCKET": receiver.path}
    result = subprocess.run(["perl", "-e", '$0 = "x" x 4000; %ENV = (); exec "/usr/bin/env"'],
                            env=environment, stdout=subprocess.PIPE, check=True)
    receiver.wait_ended()
    receiver.close()
    found = dict(line.split("=", 1) for line in result.stdout.decode().splitlines())
    for name in ("LD_PRELOAD", "FOOTPRINT_SOCKET"):
        if found.get(name) != environment[name]:
            failures.append(f"after a title was set, {name} is {found.get(name)}")


def main():
    with tempfile.TemporaryDirectory() as work:
        work = os.path.realpath(work)
        program = os.path.join(work, "processes")
        subprocess.run(["g++", "-O2", "-w", "-pthread", "-o", program,
                        os.path.join(HERE, "hooks/processes.cc")], check=True)
        for what in ALL:
            compare(program, what, work)
        other_preloads(work, program)
        overwritten(work)
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

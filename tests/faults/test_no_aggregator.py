#!/usr/bin/env python3
"""A program that goes on finding new files while nobody listens: its memory stays bounded, what is in the
spool is let go, and the aggregator that comes has it all."""
from faults import *

FILES = 150000
SHARED_MAX_KIB = 16 << 10  # all of it would be 40 MiB
PROGRAM = """
import os, sys
for i in range(int(sys.argv[2])):
    try:
        os.stat(sys.argv[1] + "/" + "x" * 180 + str(i))
    except FileNotFoundError:
        pass
    if i == int(sys.argv[2]) // 2:
        print([line.split()[1] for line in open("/proc/self/status") if line.startswith("RssShmem")][0], flush=True)
        sys.stdin.readline()
"""


def main():
    daemon = Daemon(interval="0.5")
    try:
        daemon.kill()
        process = subprocess.Popen([sys.executable, "-S", "-c", PROGRAM, daemon.directory, str(FILES)],
                                   env=watched(daemon), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        shared = int(process.stdout.readline())
        print("%d KiB shared after %d files" % (shared, FILES // 2))
        assert shared < SHARED_MAX_KIB / 2, shared
        # What is left goes on under an aggregator, to whom it says hello again.
        daemon.start()
        process.communicate(b"\n")
        assert process.returncode == 0, process.returncode
        manifest = finish(daemon)
        there = {name for name in missing(manifest) if name.startswith(daemon.directory + "/xxx")}
        assert len(there) == FILES, len(there)
        assert not gaps(manifest), gaps(manifest)
    finally:
        daemon.remove()


main()

#!/usr/bin/env python3
"""What a program pays: a fact that is known costs no system call, and a process start a bounded
number of them."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recorder_receiver as wire  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(wire.TOP, "build")))
START_CALLS_MAX = 60
PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens 100 files in three ways and closes them, as many rounds as the second argument says. */
int main(int argc, char **argv)
{
	char path[4096];
	struct stat status;
	int folder = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;

	for (int round = 0; folder >= 0 && round < atoi(argv[2]); round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), "%s/%d", argv[1], i);
			close(open(path, O_RDWR | O_CREAT, 0600));
			stat(path, &status);
			snprintf(path, sizeof(path), "%d", i);
			close(openat(folder, path, O_RDONLY));
			close(open(path, O_RDONLY));
		}
	}
	return folder < 0;
}
"""


def calls(folder, program, rounds, library, address):
    """How many system calls a run makes."""
    trace = os.path.join(folder, "trace")
    variables = ["-E", "LD_PRELOAD=" + library, "-E", "FOOTPRINT_SOCKET=" + address] if library else []
    files = os.path.join(folder, "files")
    os.makedirs(files, exist_ok=True)
    subprocess.run(["strace", "-f", "-o", trace, *variables, program, files, str(rounds)],
                   check=True, env={}, cwd=folder)
    with open(trace) as file:
        return sum(1 for line in file if re.search(r"\w+\(", line))


def main():
    if not shutil.which("strace"):
        print("no strace")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "cost.c"), os.path.join(folder, "cost")
        with open(source, "w") as file:
            file.write(PROGRAM)
        subprocess.run(["gcc", "-O2", "-o", program, source], check=True)
        os.mkdir(os.path.join(folder, "spool"))
        address = os.path.join(folder, "aggregator.sock")
        receiver = wire.Receiver(address)
        library = os.path.join(BUILD, "libfootprint.so")
        bare = [calls(folder, program, rounds, None, address) for rounds in (0, 1, 4)]
        watched = [calls(folder, program, rounds, library, address) for rounds in (0, 1, 4)]
        receiver.wait_ended()
        receiver.close()
    print("system calls: bare %s, watched %s" % (bare, watched))
    # New facts cost nothing either while the aggregator holds the memory, but for a look a second.
    repeated = (watched[2] - watched[1]) - (bare[2] - bare[1])
    first = (watched[1] - watched[0]) - (bare[1] - bare[0])
    failed = 0
    if repeated > 4:
        failed = print("FAILED: %d system calls for facts that were known" % repeated) or 1
    if first > 6:
        failed = print("FAILED: %d system calls for new facts" % first) or 1
    if watched[0] - bare[0] > START_CALLS_MAX:
        failed = print("FAILED: %d system calls at start" % (watched[0] - bare[0])) or 1
    return failed


if __name__ == "__main__":
    sys.exit(main())

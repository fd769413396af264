#!/usr/bin/env python3
"""The code of the library that a start runs is in one place (preload/layout_start.ld). This test
single-steps a start, and finds no function that is not in that list, or in the compiler's section of
constructors."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recorder_receiver as wire  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(wire.TOP, "build")))
PAGES_MAX = 9  # of code that a start runs; 7 with the compiler of Debian 12
STEPPER = r"""
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the child has the library; false: not yet. */
static int library(pid_t child, const char *path, unsigned long *first, unsigned long *end)
{
	char name[64], line[4096];
	unsigned long from, to;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)child);
	maps = fopen(name, "r");
	for (*first = 0; maps && fgets(line, sizeof(line), maps);) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) < strlen(path) || strcmp(line + strlen(line) - strlen(path), path) ||
			sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		if (!*first)
			*first = from;
		*end = to;
	}
	if (maps)
		fclose(maps);
	return *first != 0;
}

/* stepper LIBRARY PROGRAM: runs it step by step; the offsets in the library that it executes. */
int main(int argc, char **argv)
{
	static unsigned char seen[4 << 20];
	unsigned long first = 0, end = 0, steps = 0;
	struct user_regs_struct registers;
	pid_t child = argc == 3 ? fork() : -1;
	int status;

	if (child == 0 && ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
		execl(argv[2], argv[2], (char *)0);
	if (child <= 0)
		return 1;
	waitpid(child, &status, 0);
	while (WIFSTOPPED(status)) {
		if (!first && steps++ % 1000 == 0)
			library(child, argv[1], &first, &end);
		if (ptrace(PTRACE_GETREGS, child, 0, &registers) == 0 && registers.rip >= first &&
			registers.rip < end && registers.rip - first < sizeof(seen))
			seen[registers.rip - first] = 1;
		if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) < 0)
			return 1;
		waitpid(child, &status, 0);
	}
	for (unsigned long i = 0; i < sizeof(seen); i++)
		if (seen[i])
			printf("%lx\n", i);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
"""


def executed(folder, library):
    """Offsets in the library of the instructions that /bin/true, started from a pool, executes."""
    with open(os.path.join(folder, "stepper.c"), "w") as file:
        file.write(STEPPER)
    stepper = os.path.join(folder, "stepper")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", stepper, stepper + ".c"], check=True)
    socket = os.path.join(folder, "socket")
    daemon = subprocess.Popen([os.path.join(BUILD, "footprintd"), "--socket", socket,
                               "--manifests", os.path.join(folder, "manifests")])
    try:
        while not os.path.exists(socket) and daemon.poll() is None:
            time.sleep(0.01)
        # A parent has a pool from its third program on at the earliest; a program that it execs itself has
        # none.
        words = ("for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; grep -q footprint-pool /proc/$$/maps && break;"
                 " sleep 0.2; done; %s %s /bin/true; exit $?" % (stepper, library))
        said = subprocess.run(["/bin/sh", "-c", words], check=True, capture_output=True, text=True,
                              env={"LD_PRELOAD": library, "FOOTPRINT_SOCKET": socket,
                                   "PATH": os.environ["PATH"]})
    finally:
        daemon.terminate()
        daemon.wait()
    return [int(line, 16) for line in said.stdout.split()]


def functions(library):
    """(start, name), ascending."""
    listing = subprocess.run(["nm", "-n", library], check=True, capture_output=True, text=True).stdout
    return [(int(line.split()[0], 16), line.split()[2]) for line in listing.splitlines()
            if re.match(r"\w+ [tTwW] ", line)]


def main():
    folder = tempfile.mkdtemp(prefix="footprint-start-pages.")
    os.chmod(folder, 0o755)
    library = shutil.copy(os.path.join(BUILD, "libfootprint.so"), folder)
    try:
        offsets = executed(folder, library)
    finally:
        shutil.rmtree(folder)
    met, known = set(), functions(os.path.join(BUILD, "libfootprint.so"))
    for offset in offsets:
        while len(known) > 1 and known[1][0] <= offset:
            known.pop(0)
        met.add(known[0][1])
    with open(os.path.join(wire.TOP, "preload", "layout_start.ld")) as file:
        listed = set(re.findall(r"\(\.text\.(\w+)", file.read()))
    missing = sorted({name.split(".")[0] for name in met} & own_sections() - listed)
    stale = sorted(listed - {"startup", "exit"} - words_of_sources())
    pages = len({offset >> 12 for offset in offsets})
    print("%d functions in %d pages; not in preload/layout_start.ld: %s; no function any more: %s"
          % (len(met), pages, missing, stale))
    return 0 if met and not missing and not stale and pages <= PAGES_MAX else 1


def own_sections():
    """The functions with a section of their own: not those in assembly, nor constructors. What the
    compiler has split off a function has that one's name."""
    objects = [wire.object_of(source, BUILD) for source in Path(wire.TOP, "preload").rglob("*.c")]
    listing = subprocess.run(["objdump", "-h", *objects], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r" \.text\.(?!startup|exit)(\w+)", listing))


def words_of_sources():
    words = set()
    for path in Path(wire.TOP, "preload").rglob("*.[ch]"):
        words |= set(re.findall(r"\w+", path.read_text()))
    return words


if __name__ == "__main__":
    sys.exit(main())

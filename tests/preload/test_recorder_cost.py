#!/usr/bin/env python3
"""What a program pays: a known fact costs no system call, and the start of a process a limited number of
them."""

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
SEARCH_CALLS_MAX = 4
OPENS = 300  # of a round
PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens 100 files in three ways and closes them, as many rounds as the second argument says. */
static void *rounds(void *arguments)
{
	char **argv = arguments;
	char path[4096];
	struct stat status;
	int folder = open(argv[1], O_RDONLY | O_DIRECTORY);

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
	return folder < 0 ? arguments : NULL;
}

/* In a thread, libc makes its calls in other ways: they can be cancelled. */
int main(int argc, char **argv)
{
	void *failed = argv;
	pthread_t thread;

	if (argc != 4)
		return 1;
	if (argv[3][0] == 'm')
		return rounds(argv) != NULL;
	return pthread_create(&thread, NULL, rounds, argv) || pthread_join(thread, &failed) || failed;
}
"""

CONNECTS = r"""
#include <alloca.h>
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static __attribute__((noinline)) void connects(int type, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(1) };
		int fd = socket(AF_INET, type, 0);

		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		connect(fd, (struct sockaddr *)&address, sizeof(address));
		close(fd);
	}
}

/* Connects as often as the second argument says to where nobody listens; waiting for that, or not. Its frame is
 * in the middle of a page, so the address is on the page of the stack that the call is on. */
int main(int argc, char **argv)
{
	volatile char *room = alloca(((uintptr_t)__builtin_frame_address(0) & 4095) + 2048);

	room[0] = 0;
	connects(SOCK_STREAM | (argv[1][0] == 'n' ? SOCK_NONBLOCK : 0), atoi(argv[2]));
	return argc != 3;
}
"""


def count_calls(folder, command, library, address, status=0, variables=()):
    """The number of system calls of a command, which ends with this status."""
    trace = os.path.join(folder, "trace")
    if library:
        variables = [*variables, "LD_PRELOAD=" + library, "FOOTPRINT_SOCKET=" + address]
    set_them = [word for variable in variables for word in ("-E", variable)]
    done = subprocess.run(["strace", "-f", "-o", trace, *set_them, *command], env={}, cwd=folder, stderr=subprocess.PIPE)
    assert done.returncode == status, done
    with open(trace) as file:
        return sum(1 for line in file if re.search(r"\w+\(", line))


def calls(folder, program, rounds, where, library, address):
    """The number of system calls that a run makes."""
    files = os.path.join(folder, "files")
    os.makedirs(files, exist_ok=True)
    return count_calls(folder, [program, files, str(rounds), where], library, address)


def judge_search(folder, library, address):
    """Returns 1 if a place of PATH where a program is not takes more than it may: two looks, and whether the
    environment can be read."""
    def search(places, preloaded):
        path = "PATH=" + ":".join("/none/%d" % i for i in range(places))
        return count_calls(folder, ["/usr/bin/env", "no-such-program"], preloaded, address, 127, [path])

    bare, watched = (search(30, preloaded) - search(10, preloaded) for preloaded in (None, library))
    print("system calls of 20 places of PATH: bare %d, watched %d" % (bare, watched))
    if bare != 20 or watched > 20 * (1 + SEARCH_CALLS_MAX):
        return print("FAILED: too many system calls in a search") or 1
    return 0


def judge_connects(folder, library, address):
    """Returns 1 if a repeated connect, by an address on the stack, takes a system call of ours."""
    program = os.path.join(folder, "connects")
    subprocess.run(["gcc", "-O2", "-x", "c", "-o", program, "-"], input=CONNECTS.encode(), check=True)
    failed = 0
    for how in ("waiting", "nonblocking"):
        bare, watched = (count_calls(folder, [program, how, "103"], preloaded, address)
                         - count_calls(folder, [program, how, "3"], preloaded, address)
                         for preloaded in (None, library))
        print("system calls of 100 connects, %s: bare %d, watched %d" % (how, bare, watched))
        if bare != 300 or watched > bare + 6:
            failed = print("FAILED: system calls for a connect that was known") or 1
    return failed


def judge(where, bare, watched):
    """Returns 1 if watching takes more system calls than allowed."""
    print("system calls in %s: bare %s, watched %s" % (where, bare, watched))
    # New facts need no system call either while the aggregator holds the memory, except for a look once a
    # second. In a thread of glibc before 2.41, signals are held off while the new fact of an open is
    # recorded.
    repeated = (watched[2] - watched[1]) - (bare[2] - bare[1])
    first = (watched[1] - watched[0]) - (bare[1] - bare[0])
    first_max = 6 if where == "main" else 6 + 2 * OPENS
    failed = 0
    if repeated > 6:
        failed = print("FAILED: %d system calls for facts that were known" % repeated) or 1
    if first > first_max:
        failed = print("FAILED: %d system calls for new facts" % first) or 1
    if watched[0] - bare[0] > START_CALLS_MAX:
        failed = print("FAILED: %d system calls at start" % (watched[0] - bare[0])) or 1
    return failed


def main():
    if not shutil.which("strace"):
        print("no strace")
        return 77
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "cost.c"), os.path.join(folder, "cost")
        with open(source, "w") as file:
            file.write(PROGRAM)
        subprocess.run(["gcc", "-O2", "-pthread", "-o", program, source], check=True)
        os.mkdir(os.path.join(folder, "spool"))
        address = os.path.join(folder, "aggregator.sock")
        receiver = wire.Receiver(address)
        library = os.path.join(BUILD, "libfootprint.so")
        for where in ("main", "thread"):
            bare, watched = ([calls(folder, program, rounds, where, preloaded, address) for rounds in (0, 1, 4)]
                             for preloaded in (None, library))
            failed |= judge(where, bare, watched)
        failed |= judge_search(folder, library, address)
        failed |= judge_connects(folder, library, address)
        receiver.wait_ended()
        receiver.close()
    return failed


if __name__ == "__main__":
    sys.exit(main())

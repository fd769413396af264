#!/usr/bin/env python3
# time-limit: 400
"""footprintd killed at random instants under a storm of short processes and a few long-lived ones:
nothing is missing, and nothing is there that an undisturbed daemon would not have."""
import random
from faults import *

PROCESSES = 10000 if LONG else 1500
KILLS = 100 if LONG else 15
LONG_LIVED, FILES_EACH = 3, 3000 if LONG else 600
AT_ONCE = 4
PAUSE_US = 4000
KILL_EVERY = 0.25  # seconds, on the average


def storm(worker, data, daemon):
    """Short processes and long-lived ones, at the same time."""
    environment, null = watched(daemon), subprocess.DEVNULL
    first = PROCESSES
    processes = [subprocess.Popen(["xargs", "-P", str(AT_ONCE), "-I", "{}", worker, data, "{}", "1"],
                                  env=environment, stdin=subprocess.PIPE, stdout=null)]
    for i in range(LONG_LIVED):
        processes.append(subprocess.Popen(
            [worker, data, str(first + i * FILES_EACH), str(FILES_EACH), str(PAUSE_US)],
            env=environment, stdout=null))
    with processes[0].stdin as numbers:
        numbers.write("".join("%d\n" % i for i in range(PROCESSES)).encode())
    return processes


def kill_until_over(daemon, processes, dice):
    """Kills the daemon at instants of any kind, from the middle of starting to the middle of a
    snapshot; how often."""
    kills = 0
    while any(p.poll() is None for p in processes):
        time.sleep(dice.random() * 2 * KILL_EVERY)
        daemon.kill()
        kills += 1
        daemon.start()
    return kills


def main():
    folder = working_folder()
    worker = compiled("worker", folder)
    data = data_folder(folder, PROCESSES + LONG_LIVED * FILES_EACH)

    def wait_all(processes):
        assert all(p.wait() == 0 for p in processes), "a process of the storm failed"

    expected = undisturbed(lambda daemon: wait_all(storm(worker, data, daemon)))
    assert not gaps(expected), gaps(expected)
    daemon = Daemon(interval="0.2")
    try:
        kills, dice = 0, random.Random()
        while kills < KILLS:
            processes = storm(worker, data, daemon)
            kills += kill_until_over(daemon, processes, dice)
            wait_all(processes)
        assert_same_facts(expected, finish(daemon))
        print("%d kills under %d processes: nothing missing" % (kills, PROCESSES + LONG_LIVED))
    finally:
        daemon.remove()


main()

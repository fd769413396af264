#!/usr/bin/env python3
# time-limit: 1200
"""footprintd killed at random instants under a storm of short processes and a few long-lived ones:
nothing is missing, nothing is there that an undisturbed daemon would not have, and nothing is counted
twice: one run, with its processes and its records. Each storm has files of its own, for what is lost of
one would be told by another."""
import random
from faults import *

PROCESSES = 10000 if LONG else 1500
KILLS = 100 if LONG else 15
LONG_LIVED, FILES_EACH = 3, 3000 if LONG else 600
AT_ONCE = 4
PAUSE_US = 4000
KILL_EVERY = 0.25  # seconds, on the average


def storm(worker, data, daemon):
    """A shell with short processes and long-lived ones at the same time."""
    script = """for i in $(seq 0 %d); do "$0" "$1" $((%d + i * %d)) %d %d & done
        seq 0 %d | xargs -P %d -I {} "$0" "$1" {} 1 || exit; wait""" % (
            LONG_LIVED - 1, PROCESSES, FILES_EACH, FILES_EACH, PAUSE_US, PROCESSES - 1, AT_ONCE)
    return subprocess.Popen(["bash", "-c", script, worker, data], env=watched(daemon),
                            stdout=subprocess.DEVNULL)


def assert_same_counts(expected, counted, storms):
    """But for chance: in the memory that short programs begin with, the table of what was said forgets
    a little, so that a long-lived process may say a thing twice."""
    (_, wanted), = expected["runs"]
    (_, found), = counted["runs"]
    assert abs(found - wanted) <= LONG_LIVED * storms, (counted, expected)
    for each in expected, counted:
        each["runs"] = [processes for processes, _ in each["runs"]]
    assert counted == expected, (counted, expected)


def kill_until_over(daemon, process, dice):
    """Kills the daemon at instants of any kind, from the middle of starting to the middle of a
    snapshot; how often."""
    kills = 0
    while process.poll() is None:
        time.sleep(dice.random() * 2 * KILL_EVERY)
        daemon.kill()
        kills += 1
        daemon.start()
    return kills


def main():
    folder = working_folder()
    worker = compiled("worker", folder)
    data = []

    daemon = Daemon(interval="0.2")
    try:
        kills, storms, dice = 0, 0, random.Random()
        while kills < KILLS:
            data.append(data_folder("%s/%d" % (folder, storms), PROCESSES + LONG_LIVED * FILES_EACH))
            process = storm(worker, data[storms], daemon)
            kills += kill_until_over(daemon, process, dice)
            storms += 1
            assert process.returncode == 0, "a process of the storm failed"
        # Daemons that lived for a moment have left more spool files than one takes at a time.
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
    finally:
        daemon.remove()
    expected = undisturbed(lambda daemon: [storm(worker, each, daemon).wait() for each in data])
    assert not gaps(expected), gaps(expected)
    assert_same_facts(expected, manifest)
    runs = counts(manifest)["runs"]
    assert_same_counts(counts(expected), counts(manifest), storms)
    print("%d kills in %d storms of %d processes: nothing missing, nothing twice, %s"
          % (kills, storms, PROCESSES + LONG_LIVED, runs))


main()

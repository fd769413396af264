#!/usr/bin/env python3
# time-limit: 1200
"""footprintd killed at random instants under a storm of short processes and a few long-lived ones:
nothing is missing, nothing is there that an undisturbed daemon would not have, and nothing is counted
twice: one run, with its processes and its records. Each storm has files of its own, for what is lost of
one would be told by another; and each short process a name of its own for its program, for how often
executions of one name are recorded is a matter of time."""
import random
from faults import *

PROCESSES = 10000 if LONG else 1500
KILLS = 100 if LONG else 15
LONG_LIVED, FILES_EACH = 3, 3000 if LONG else 600
AT_ONCE = 4
PAUSE_US = 4000
KILL_EVERY = 0.25  # seconds, on the average


def links_to(worker, folder):
    """A folder of names for `worker`: 0, 1, ..."""
    links = folder + "/workers"
    os.mkdir(links)
    for i in range(PROCESSES):
        os.symlink(worker, "%s/%d" % (links, i))
    return links


def storm(worker, links, data, daemon):
    """A shell with short processes and long-lived ones at the same time. Those in the background keep its
    standard input: else each of its forks opens /dev/null for them, and two that do so at once both say
    it."""
    script = """for i in $(seq 0 %d); do "$0" "$1" $((%d + i * %d)) %d %d <&0 & done
        for i in $(seq 0 %d); do
            "$2/$i" "$1" $i 1 <&0 &
            [ $i -lt %d ] || wait -n || exit
        done
        wait""" % (
            LONG_LIVED - 1, PROCESSES, FILES_EACH, FILES_EACH, PAUSE_US, PROCESSES - 1, AT_ONCE)
    return subprocess.Popen(["bash", "-c", script, worker, data, links], env=watched(daemon),
                            stdout=subprocess.DEVNULL)


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
    links, data = links_to(worker, folder), []

    daemon = Daemon(interval="0.2")
    try:
        kills, storms, dice = 0, 0, random.Random()
        while kills < KILLS:
            data.append(data_folder("%s/%d" % (folder, storms), PROCESSES + LONG_LIVED * FILES_EACH))
            process = storm(worker, links, data[storms], daemon)
            kills += kill_until_over(daemon, process, dice)
            storms += 1
            assert process.returncode == 0, "a process of the storm failed"
        # Daemons that lived for a moment have left more spool files than one takes at a time.
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
    finally:
        daemon.remove()
    expected = undisturbed(lambda daemon: [storm(worker, links, each, daemon).wait() for each in data])
    assert not gaps(expected), gaps(expected)
    assert_same_facts(expected, manifest)
    assert counts(manifest) == counts(expected), (counts(manifest), counts(expected))
    print("%d kills in %d storms of %d processes: nothing missing, nothing twice, %s"
          % (kills, storms, PROCESSES + LONG_LIVED, counts(manifest)["runs"]))


main()

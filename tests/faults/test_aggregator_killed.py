#!/usr/bin/env python3
# time-limit: 1200
"""footprintd is killed at random instants under a storm of short processes and a few long-lived ones.
Nothing is missing, nothing is there that an undisturbed daemon would not have, and nothing is counted
twice: there is one run, with its processes and its records. Each storm has files of its own, because
another storm would report what one has lost."""
import random
from faults import *

PROCESSES = 10000 if LONG else 1500
KILLS = 100 if LONG else 15
LONG_LIVED, FILES_EACH = 3, 3000 if LONG else 600
AT_ONCE = 4
PAUSE_US = 4000
KILL_EVERY = 0.2  # seconds, on the average


# Each link of a chain is another image, with a log of its own: how often one image records that it executed
# the same program depends on time.
CHAIN = """
    ($script, $worker, $data, $number, $end, $step) = @ARGV;
    for (1 .. 10) {
        exit if $number >= $end;
        my $pid = fork // die "fork: $!";
        if (!$pid) { exec $worker, $data, $number, 1 or die "$worker: $!" }
        waitpid $pid, 0;
        exit 1 if $?;
        $number += $step;
    }
    exec $^X, "-e", $script, $script, $worker, $data, $number, $end, $step or die "$^X: $!";
"""
STORM = """
    ($chain, $worker, $data, $long_lived, $files_each, $pause, $processes, $chains) = @ARGV;
    sub start { my $pid = fork // die "fork: $!"; if (!$pid) { exec @_ or die "$_[0]: $!" } }
    start($worker, $data, $processes + $_ * $files_each, $files_each, $pause) for 0 .. $long_lived - 1;
    start($^X, "-e", $chain, $chain, $worker, $data, $_, $processes, $chains) for 0 .. $chains - 1;
    while (wait > 0) { $failed ||= $? }
    exit($failed != 0);
"""


def storm(worker, data, daemon):
    """Runs chains of short processes, and long-lived ones at the same time."""
    numbers = LONG_LIVED, FILES_EACH, PAUSE_US, PROCESSES, AT_ONCE
    return subprocess.Popen(["perl", "-e", STORM, CHAIN, worker, data, *map(str, numbers)],
                            env=watched(daemon), stdout=subprocess.DEVNULL)


def kill_until_over(daemon, process, dice):
    """Kills the daemon at any time from the middle of its start to the middle of a snapshot; returns how
    often."""
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
        # Daemons that lived only for a moment have left more spool files than are taken at a time.
        wait_for("the spool read", lambda: settled(daemon), seconds=300)
        manifest = finish(daemon)
    finally:
        daemon.remove()
    expected = undisturbed(lambda daemon: [storm(worker, each, daemon).wait() for each in data])
    assert not gaps(expected), gaps(expected)
    assert_same_facts(expected, manifest)
    assert counts(manifest) == counts(expected), (counts(manifest), counts(expected))
    print("%d kills in %d storms of %d processes: nothing missing, nothing twice, %s"
          % (kills, storms, PROCESSES + LONG_LIVED, counts(manifest)["runs"]))


main()

#!/usr/bin/env python3
# time-limit: 200
"""No descriptors. An application at its limit gets what it would get without us, except for one
descriptor, and what it opened is known. An aggregator at its limit lets processes wait in the backlog,
and in the end its manifest is that of an undisturbed run."""
from faults import *

LIMIT = 64
AGGREGATOR_LIMIT = 192
PROCESSES = 400 if LONG else 120
OPEN_ALL = """
import os, sys
kept = []
try:
    for name in range(1000):
        kept.append(os.open("%s/%d" % (sys.argv[1], name), os.O_RDONLY))
except OSError as error:
    problem = error.errno
os.close(kept.pop())
os.close(os.open("%s/%d" % (sys.argv[1], 1001), os.O_RDONLY))
os.write(1, b"%d %d %d" % (len(kept), max(kept), problem))
"""


def open_all(data, environment):
    done = subprocess.run(["python3", "-c", OPEN_ALL, data], env=environment, check=True,
                          stdout=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(
                              resource.RLIMIT_NOFILE, (LIMIT, LIMIT)))
    return [int(word) for word in done.stdout.split()]


def application_at_its_limit(worker, data):
    bare = open_all(data, os.environ)
    daemon = Daemon(interval="0.2")
    try:
        seen = open_all(data, watched(daemon))
        assert bare[0] - 1 <= seen[0] <= bare[0] and seen[1:] == bare[1:], (bare, seen)
        opened = ["read %s/%d" % (data, i) for i in [*range(seen[0]), 1001]]
        manifest = finish(daemon)
        assert_done(manifest, opened)
        assert not gaps(manifest), gaps(manifest)
    finally:
        daemon.remove()


def all_at_once(worker, data, daemon):
    """Runs processes that all live until each of them has begun to work."""
    with open(os.devnull, "w") as null:
        processes = [subprocess.Popen([worker, data, str(i * 8), "8", "100000"],
                                      env=watched(daemon), stdout=null) for i in range(PROCESSES)]
    assert all(p.wait() == 0 for p in processes)


def aggregator_at_its_limit(worker, data):
    expected = undisturbed(lambda daemon: all_at_once(worker, data, daemon))
    daemon = Daemon(interval="0.2", descriptors=AGGREGATOR_LIMIT)
    try:
        all_at_once(worker, data, daemon)
        assert_same_facts(expected, finish(daemon))
        assert daemon.counter("times out of descriptors"), "the limit was not reached"
    finally:
        daemon.remove()


def main():
    folder = working_folder()
    worker, data = compiled("worker", folder), data_folder(folder, max(1002, PROCESSES * 8))
    for case in (application_at_its_limit, aggregator_at_its_limit):
        case(worker, data)
        print("ok", case.__name__)


main()

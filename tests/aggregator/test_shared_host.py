#!/usr/bin/env python3
# time-limit: 300
"""A host that many share: what one user does does not keep others' records from their manifests."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

NOBODY = 65534
ENTRIES_AT_ONCE = 12  # reads of a directory (getdents64, a thousand entries each) in one turn of the loop


def entry(records, application="app", version="1", session=None):
    return spool_entry(hello(session or os.urandom(16), application, version), b"".join(slot(r) for r in records))


def spool_file(daemon, content, name="records.0", user=0):
    """Makes a spool file under its name only when it is complete."""
    with open(daemon.directory + "/being-written", "wb") as f:
        f.write(content)
    os.chown(f.name, user, user)
    os.rename(f.name, daemon.spool + "/" + name)


def reads_in_a_turn(trace):
    """How often a directory was read between two times that the loop waited, at most. Before the first time, nobody is
    served."""
    with open(trace) as f:
        turns = "".join("w" if "epoll" in line else "r" for line in f if "epoll" in line or "getdents" in line).split("w")
    assert len(turns) > 2, turns
    return max(map(len, turns[1:]))


def a_crowded_spool(daemon):
    """Many thousand files that are not ours, some of which look as if they were: the loop has its turns, and the
    files of others are found."""
    if not shutil.which("strace"):
        return
    daemon.kill()
    for number in range(30000):
        name = "taken.%d" if number % 100 == 0 else "records.%d" if number % 100 == 1 else "x%d"
        os.close(os.open(daemon.spool + "/" + name % (1000 + number), os.O_CREAT | os.O_WRONLY, 0o600))
        if number % 100 < 2:
            os.chown(daemon.spool + "/" + name % (1000 + number), NOBODY, NOBODY)
    trace = daemon.directory + "/trace"
    daemon.wrapper = ["strace", "-D", "-qq", "-f", "-o", trace, "-e",
                      "trace=getdents64,epoll_wait,epoll_pwait,epoll_pwait2"]
    daemon.start()
    spool_file(daemon, entry([path("/etc/passwd")]))
    wait_for("somebody's file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert daemon.stop() == 0
    assert reads_in_a_turn(trace) < ENTRIES_AT_ONCE, reads_in_a_turn(trace)


def locks_of_many_users(daemon):
    """A container with a user namespace of its own has many users. All keep files locked: others are read
    nevertheless, and what is locked is read, too."""
    daemon.kill()
    locks = []
    for user in range(100000, 100300):
        spool_file(daemon, entry([path("/etc/hosts")]), "records.%d" % user, user)
        locks.append(os.open(daemon.spool + "/records.%d" % user, os.O_RDONLY))
        fcntl.flock(locks[-1], fcntl.LOCK_SH)
    daemon.start()
    wait_for("what is locked", lambda: has_file(daemon.manifest(), "/etc/hosts"))
    for i in range(3):
        spool_file(daemon, entry([path("/etc/passwd")], application="other%d" % i))
        wait_for("somebody else's", lambda: has_file(daemon.manifest("other%d@1" % i), "/etc/passwd"))
    for lock in locks:
        os.close(lock)
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)


if __name__ == "__main__":
    run([a_crowded_spool, locks_of_many_users])

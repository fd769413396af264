#!/usr/bin/env python3
# time-limit: 900
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


def applications_of_one_user(daemon):
    """Somebody with thousands of applications: others begin theirs nevertheless, and what there was no room for waits
    and is not lost."""
    daemon.kill()
    daemon.manifests = tempfile.mkdtemp(dir="/dev/shm")  # a disk needs long for thousands of files
    try:
        daemon.start()
        have_applications(daemon)
    finally:
        shutil.rmtree(daemon.manifests)


def have_applications(daemon):
    spool_file(daemon, b"".join(entry([path("/etc/hosts")], application="many", version=str(i)) for i in range(4200)),
               user=NOBODY)
    wait_for("a word about it", lambda: "too many of them of its user (uid %d)" % NOBODY in daemon.stderr(), 60)
    peer = Peer(daemon, [path("/etc/passwd")])
    peer.socket.send(data(4, data(1, peer.session) + fixed(2, 1)))
    assert peer.socket.recv(64), "refused, and no pool lent"
    peer.close()
    assert any(name.startswith("taken.") for name in os.listdir(daemon.spool)), "the rest of it does not wait"
    # So many manifests are written rarely, and only what has been written makes room.
    if os.environ.get("FOOTPRINT_TEST_LONG") == "1":
        wait_for("all", lambda: len(daemon.written()) == 4201, 600)
        assert "gaps {" not in daemon.manifest("many@4199") + daemon.manifest(), daemon.manifest()
        assert has_file(daemon.manifest("many@4199"), "/etc/hosts")


def words_without_end(daemon):
    """A peer that is refused over and over does not fill the journal of the host, but it does not keep the daemon from
    saying the same of another one."""
    for _ in range(300):
        s = connect(daemon)
        s.send(b"x" * 20)
        assert refused(s)
        s.close()
    assert daemon.stop() == 0
    assert daemon.counter("hellos refused") == 300
    said = daemon.stderr().count("a peer of uid 0")
    assert 1 < said < 30, said


if __name__ == "__main__":
    run([applications_of_one_user, a_crowded_spool, locks_of_many_users, words_without_end])

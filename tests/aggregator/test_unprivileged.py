#!/usr/bin/env python3
"""A footprintd that is not root: what it may not read or look into is a gap, and is left for a daemon that
may."""
import os, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def as_nobody(daemon, *options):
    """The same daemon, but run by that user from the start."""
    daemon.kill()
    for name in os.listdir(daemon.directory):
        if name != "stderr":
            shutil.rmtree(daemon.directory + "/" + name) if os.path.isdir(daemon.directory + "/" + name) \
                else os.unlink(daemon.directory + "/" + name)
    os.chmod(daemon.directory, 0o777)
    os.mkdir(daemon.spool)
    os.chmod(daemon.spool, 0o1777)
    os.chown(daemon.spool, 65534, 65534)
    daemon.wrapper, daemon.options = NOBODY, options
    daemon.start()


def leave_records(daemon, uid, file):
    """Leaves records in the spool, like a process of that user while nobody listens."""
    name = "%s/records.%d" % (daemon.spool, uid)
    with open(daemon.directory + "/being-written", "wb") as f:
        f.write(spool_entry(hello(os.urandom(16)), slot(path(file))))
    os.chmod(f.name, 0o600)
    os.chown(f.name, uid, uid)
    os.rename(f.name, name)
    return name


def records_of_another_user(daemon):
    as_nobody(daemon)
    of_root = leave_records(daemon, 0, "/etc/group")
    wait_for("a word about them", lambda: "records of another user are left there" in daemon.stderr())
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert "spool files that footprintd may not read" in daemon.manifest(), daemon.manifest()
    leave_records(daemon, 65534, "/etc/hosts")
    wait_for("its own user's", lambda: has_file(daemon.manifest(), "/etc/hosts"))
    assert daemon.stop() == 0
    assert os.path.exists(of_root) and not [n for n in os.listdir(daemon.spool) if n.startswith("taken.")]
    assert daemon.stderr().count("records of another user are left there") == 1, daemon.stderr()
    assert daemon.counter("times that spool files could not be read") == 1

    # A daemon that may read them does.
    daemon.wrapper = ()
    for name in (daemon.spool, daemon.manifests):
        for file in os.listdir(name):
            if file in ("lock", ".footprintd.lock", "directories", "counted", "reserve"):
                os.unlink(name + "/" + file)
    daemon.start()
    wait_for("root's", lambda: has_file(daemon.manifest(), "/etc/group"))
    assert daemon.stop() == 0 and not os.path.exists(of_root)


def records_of_another_user_among_many(daemon):
    """They are reported once, even if other files hide them for a while."""
    as_nobody(daemon)
    leave_records(daemon, 0, "/etc/group")
    wait_for("a word about them", lambda: "records of another user are left there" in daemon.stderr())
    locked = []
    for number in range(1000, 1256):
        os.close(os.open("%s/being-written" % daemon.directory, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
        locked.append(open("%s/being-written" % daemon.directory))
        fcntl.flock(locked[-1], fcntl.LOCK_EX)
        os.chown(locked[-1].name, 60000 + number % 4, 60000)  # of each user, as many are taken as places are left
        os.rename("%s/being-written" % daemon.directory, "%s/records.%d" % (daemon.spool, number))

    def taken():
        return len([name for name in os.listdir(daemon.spool) if name.startswith("taken.")])
    wait_for("as many as are taken", lambda: taken() >= 200)
    Peer(daemon, [path("/etc/passwd")], application="meanwhile").close()
    wait_for("a tick of the daemon's", lambda: "ended_ns" in daemon.manifest("meanwhile@1"))
    for file in locked:
        file.close()
    wait_for("an empty spool", lambda: taken() == 0)
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("another tick", lambda: "ended_ns" in daemon.manifest())
    assert "spool files that footprintd may not read" in daemon.manifest("meanwhile@1")
    assert daemon.stop() == 0
    assert daemon.stderr().count("records of another user are left there") == 1, daemon.stderr()
    assert daemon.counter("times that spool files could not be read") == 1


def records_of_a_user_who_is_not_allowed(daemon):
    """Records of a user who is not allowed are no gap."""
    as_nobody(daemon, "--allow-uid", "0", "--allow-uid", "65534")
    leave_records(daemon, 7, "/etc/group")
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert daemon.stop() == 0
    assert "lost-records" not in daemon.manifest(), daemon.manifest()


def a_directory_that_is_closed_to_it(daemon):
    as_nobody(daemon)
    closed = daemon.directory + "/closed"
    os.mkdir(closed, 0o700)
    os.symlink("/etc/hostname", closed + "/link")
    Peer(daemon, [path(closed + "/none", error=2)], application="other").close()
    Peer(daemon, [path(closed + "/link")]).close()
    wait_for("the path", lambda: has_file(daemon.manifest(), closed + "/link"))
    assert daemon.manifest().count('kind: "unresolved"') == 1, daemon.manifest()
    assert "directories that footprintd may not look into" in daemon.manifest()
    wait_for("the other", lambda: closed + "/none" in daemon.manifest("other@1"))
    assert 'kind: "unresolved"' not in daemon.manifest("other@1"), daemon.manifest("other@1")


def names_that_others_have_taken(daemon):
    """In the daemon's spool, where everybody may make files, others have taken its names with files that
    it may not even open."""
    as_nobody(daemon)
    daemon.kill()
    for name in ("journal", "directories", "counted", "reserve", "lock"):
        if os.path.exists(daemon.spool + "/" + name):
            os.unlink(daemon.spool + "/" + name)
        with open(daemon.spool + "/" + name, "w") as file:
            file.write("mine")
        os.chmod(file.name, 0o600)
    daemon.start()
    peer = Peer(daemon, [path("/etc/passwd")])
    wait_for("an acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    peer.close()
    for name in ("directories", "counted", "reserve", "lock"):
        assert os.stat(daemon.spool + "/" + name).st_uid == 65534, name


if os.getuid() or not shutil.which("setpriv"):
    print("takes root, which can become another user")
    sys.exit(77)
run([records_of_another_user, records_of_another_user_among_many, records_of_a_user_who_is_not_allowed,
     a_directory_that_is_closed_to_it,
     names_that_others_have_taken])

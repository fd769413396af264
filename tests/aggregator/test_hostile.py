#!/usr/bin/env python3
"""Peers that break the rules are disconnected and counted, and others are not disturbed."""
import os, random, struct, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

GOOD = [path("/etc/passwd")]


def check_others_go_on(daemon):
    Peer(daemon, GOOD, application="good").close()
    wait_for("the good manifest", lambda: has_file(daemon.manifest("good@1"), "/etc/passwd"))


def refuses(daemon, fds, root=True, hello_bytes=None):
    s = connect(daemon)
    say_hello(s, hello_bytes or hello(os.urandom(16)), fds, root)
    assert refused(s), "accepted"
    s.close()


def descriptors_that_are_no_session_memory(daemon):
    directory = tempfile.mkdtemp()
    os.mkfifo(directory + "/fifo")
    fifo = os.open(directory + "/fifo", os.O_RDWR)
    plain = os.open(directory + "/plain", os.O_RDWR | os.O_CREAT)
    h = hello(os.urandom(16))
    for fd in (fifo, plain, os.open(directory, os.O_RDONLY), os.open("/dev/zero", os.O_RDWR),
               memory(b"", h, seals=0), memory(b"", h, seals=F_SEAL_GROW),
               memory(b"", h, size=64 << 20), memory(b"", h, said_size=1 << 20),
               memory(b"", h, log_offset=1 << 31), memory(b"", h, magic=7)):
        refuses(daemon, [fd])
        os.close(fd)
    shutil.rmtree(directory)
    check_others_go_on(daemon)
    assert daemon.stop() == 0
    assert daemon.counter("hellos refused") == 10


def too_many_descriptors(daemon):
    fds = [memory(b"", hello(os.urandom(16))) for _ in range(5)]
    refuses(daemon, fds)
    check_others_go_on(daemon)
    held = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    for _ in range(50):
        refuses(daemon, fds)
    now = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    assert now < held + 10, "%d descriptors, before %d" % (now, held)


def many_descriptors_at_once(daemon):
    """They are all closed, however many come before there is time for that."""
    held = "/proc/%d/fd/" % daemon.process.pid
    files = [os.open(daemon.directory + "/stderr", os.O_RDONLY) for _ in range(20)]
    for _ in range(10):
        daemon.process.send_signal(signal.SIGSTOP)
        strangers = [connect(daemon) for _ in range(200)]
        for stranger in strangers:
            socket.send_fds(stranger, [data(1, hello(os.urandom(16)))], files)
            stranger.close()
        daemon.process.send_signal(signal.SIGCONT)
    for file in files:
        os.close(file)
    check_others_go_on(daemon)
    wait_for("its own alone", lambda: [read_link(held + fd) for fd in os.listdir(held)].count(daemon.directory + "/stderr") == 1)


def root_that_is_no_path_descriptor(daemon):
    h = hello(os.urandom(16))
    refuses(daemon, [memory(b"", h), os.open("/", os.O_RDONLY)], root=False)
    refuses(daemon, [memory(b"", h), os.open("/etc", os.O_PATH)], root=False)
    refuses(daemon, [memory(b"", h), os.open("/etc/passwd", os.O_PATH)], root=False)
    check_others_go_on(daemon)


def garbage(daemon):
    dice = random.Random(1)
    for _ in range(2000):
        s = connect(daemon)
        s.send(dice.randbytes(dice.randrange(1, 400)))
        s.close()
    check_others_go_on(daemon)
    assert daemon.stop() == 0


def logs_that_are_damaged(daemon):
    bad = [struct.pack("<I", 9 << 24 | 8), struct.pack("<I", READY << 24 | 0xFFFFFF),
           slot(path("/" + "x" * 5000)), slot(data(4, "/" + "y" * 13000))]
    for log in bad:
        h = hello(os.urandom(16), application="bad")
        s = connect(daemon)
        say_hello(s, h, [memory(slot(path("/etc/hostname")) + log, h)])
        assert refused(s)
        s.close()
    check_others_go_on(daemon)
    wait_for("the gap", lambda: 'kind: "dropped-session"' in daemon.manifest("bad@1"))
    assert has_file(daemon.manifest("bad@1"), "/etc/hostname"), "its other records stay"


def log_at(peer):
    return 64 + len(peer.hello) + -len(peer.hello) % 8


def logs_that_do_not_fit(daemon):
    """A slot that reaches past the end, and more unfinished ones than anybody would leave."""
    for log, size in (struct.pack("<I", READY << 24 | 8000), 4096), (slot(path("/x"), CLAIMED) * 5000, 1 << 20):
        h = hello(os.urandom(16), application="bad")
        s = connect(daemon)
        say_hello(s, h, [memory(log, h, size=size)])
        assert refused(s)
        s.close()
    check_others_go_on(daemon)


def slots_that_change_their_size(daemon):
    """While they are being written nobody believes a size; then it has a limit, and is not changed again."""
    for state in READY, EXEC:
        peer = Peer(daemon, [], application="bad")
        os.pwrite(peer.memory, slot(path("/etc/group"), CLAIMED) + slot(path("/etc/hostname")), log_at(peer))
        wait_for("the slot behind it", lambda: has_file(daemon.manifest("bad@1"), "/etc/hostname"))
        os.pwrite(peer.memory, struct.pack("<I", state << 24 | 0xFFFFFF), log_at(peer))
        assert refused(peer.socket), state
        peer.close()
        assert daemon.stop() == 0
        assert daemon.counter("sessions dropped") == 1
        os.unlink(daemon.manifests + "/bad@1.footprint")
        daemon.start()


def pieces_that_are_not_within_a_log(daemon):
    """By value, at offsets that no log has: the last ones lead round to its beginning."""
    piece = slot(path("/etc/hosts")) * 2
    for offset in 4, 1 << 40, (1 << 64) - 8, (1 << 64) - len(piece):
        session = os.urandom(16)
        s = connect(daemon)
        say_hello(s, hello(session, application="bad"), [])
        s.send(batch(session, slot(path("/etc/hostname"))))
        s.send(batch(session, piece, offset))
        assert refused(s), "%#x" % offset
        s.close()
    check_others_go_on(daemon)
    assert daemon.stop() == 0
    assert has_file(daemon.manifest("bad@1"), "/etc/hostname"), "its other records stay"
    assert not has_file(daemon.manifest("bad@1"), "/etc/hosts"), daemon.manifest("bad@1")
    assert daemon.counter("sessions dropped") == 4


def segments_that_cannot_be(daemon):
    """A number past the limit, and another memory in place of one that is there."""
    session = os.urandom(16)
    refuses(daemon, [memory(b"", hello(session, segment=1 << 20))], hello_bytes=hello(session, segment=1 << 20))
    peer = Peer(daemon, GOOD)
    refuses(daemon, [memory(peer.log, peer.hello)], hello_bytes=peer.hello)
    check_others_go_on(daemon)


def ids_of_another_size(daemon):
    """Each message but the hello names a session."""
    def message(field, body):
        return varint(field << 3 | 2) + varint(len(body)) + body

    for said in 2, 3, 4, 5:
        for size in None, 0, 1, 15, 17:
            peer = Peer(daemon, GOOD, application="bad")
            names = b"" if size is None else message(1, peer.session[:size].ljust(size, b"x"))
            peer.socket.send(message(said, names))
            assert refused(peer.socket), (said, size)
            peer.close()
    check_others_go_on(daemon)


def session_that_was_dropped(daemon):
    """It does not come back."""
    peer = Peer(daemon, [data(4, "/" + "y" * 13000)], application="bad")
    assert refused(peer.socket)
    refuses(daemon, [memory(slot(path("/etc/hosts")), peer.hello)], hello_bytes=peer.hello)
    refuses(daemon, [], hello_bytes=peer.hello)
    check_others_go_on(daemon)
    assert daemon.stop() == 0
    assert not has_file(daemon.manifest("bad@1"), "/etc/hosts")


def records_not_understood_are_gaps(daemon):
    records = [number(1, 99), path("/etc/hosts", access=1 << 20 | READ), number(1, 1), b"\xff\xff",
               path("/etc/passwd")]
    Peer(daemon, records).close()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert daemon.stop() == 0
    assert 'kind: "unknown-record"' in daemon.manifest()


def another_protocol_is_a_gap(daemon):
    refuses(daemon, [], root=False, hello_bytes=hello(os.urandom(16), protocol=3))
    wait_for("the gap", lambda: 'kind: "unknown-protocol"' in daemon.manifest())


def another_session_on_the_same_socket(daemon):
    peer = Peer(daemon, GOOD)
    say_hello(peer.socket, hello(os.urandom(16)), [])
    assert refused(peer.socket)
    check_others_go_on(daemon)


def applications_not_allowed(daemon):
    h = hello(os.urandom(16), application="other")
    refuses(daemon, [memory(b"", h)], hello_bytes=h)
    Peer(daemon, GOOD).close()
    wait_for("the allowed", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert not daemon.manifest("other@1")
    assert "--allow-app" in daemon.stderr(), "refused without a word"


applications_not_allowed.options = ("--allow-app", "app")


def names_do_not_leave_the_directory(daemon):
    Peer(daemon, GOOD, application="../../x", version="a/b").close()
    wait_for("its manifest", lambda: "_._.._x@a_b.footprint" in os.listdir(daemon.manifests))
    assert sorted(os.listdir(daemon.directory)) == ["manifests", "socket", "socket.lock", "spool",
                                                    "stderr"]


def links_do_not_leave_the_root(daemon):
    Peer(daemon, [path("/proc/1/root/etc/passwd"), path("/../../../etc/hostname")]).close()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "/proc/1" not in daemon.manifest()


def idle_connections(daemon):
    idle = [connect(daemon) for _ in range(2500)]
    check_others_go_on(daemon)
    for s in idle:
        s.close()
    assert daemon.memory_kib() < 60000, daemon.memory_kib()


def out_of_descriptors(daemon):
    """With more processes than descriptors, the rest wait in the backlog, and the daemon does not spin."""
    few = Daemon(descriptors=160)
    try:
        peers = [Peer(few, [path("/etc/nothing-%d" % i, error=2)]) for i in range(120)]
        before, since = few.cpu_seconds(), time.monotonic()
        while time.monotonic() < since + 2:
            time.sleep(0.1)
        assert few.cpu_seconds() - before < 0.5, "spins"
        assert few.manifest().count("\nmissing {") < 120, "the limit was not reached"
        for peer in peers:
            peer.close()
        wait_for("all of them", lambda: few.manifest().count("\nmissing {") == 120)
    finally:
        few.remove()


def many_records_that_wait_for_a_directory(daemon):
    """When a directory is named, the records that wait for it are found without searching all that wait."""
    waiting = [path("later-%d" % i, directory=directory_id(0, "/usr/%d" % (i // 2)), error=2) for i in range(4000)]
    named = [path("/etc/%d" % i, LIST) for i in range(40000)] + [path("/usr/%d" % i, LIST) for i in range(1990)]
    Peer(daemon, waiting + named, size=4 << 20).close()
    wait_for("the manifest", lambda: "ended_ns" in daemon.manifest())
    assert daemon.manifest().count("/later-") == 3980
    assert 'kind: "unresolved"' in daemon.manifest() and "count: 20\n" in daemon.manifest()
    assert daemon.cpu_seconds() < 3, daemon.cpu_seconds()


def prefixes_with_more_directories_than_are_kept(daemon):
    """A number is known where there is no room for what other ids mean. Paths may not grow without end."""
    others = [number(1, 5) + data(4, "/d") + fixed(7, (1 << 32) + i) for i in range(1 << 18)]
    long = "/" + "/".join(["d" * 200] * 20)
    said = [numbered(9, "/usr/share"), below(9, "no-such", error=2), numbered(10, long), below(10, "e" * 255, error=2),
            numbered(11, "/etc"), below(11, "/passwd"), numbered(1 << 31, "/srv"), below(1 << 31, "none", error=2)]
    Peer(daemon, others + said, size=16 << 20).close()
    wait_for("the manifest", lambda: "ended_ns" in daemon.manifest())
    manifest = daemon.manifest()
    for name in ("/usr/share/no-such", "/srv/none"):
        assert 'path: "%s"' % name in manifest, name
    assert "dropped-session" not in manifest and "unresolved" not in manifest, manifest[:2000]


def records_of_long_paths(daemon):
    """A record of a few bytes can name a path of 28,000, and a directory of it: so many are not kept at a time, and
    others are heard meanwhile."""
    part = "/" + "/".join(["d" * 199] * 20)
    first = [numbered(1, part)] + [numbered(n, part[1:]) + number(15, n - 1) for n in range(2, 8)]
    looked = [below(7, "x%d" % i, error=14) for i in range(20000)]  # EFAULT: the manifest has nothing of it
    named = [number(1, 5) + data(4, "y%d" % i) + fixed(7, (1 << 32) + i) + number(15, 7) for i in range(20000)]
    Peer(daemon, first + looked + named, size=4 << 20, application="long").close()
    check_others_go_on(daemon)
    wait_for("its end", lambda: "ended_ns" in daemon.manifest("long@1"))
    assert daemon.memory_kib() < 300 << 10, "%d KiB" % daemon.memory_kib()


def memories_that_claim_what_they_do_not_hold(daemon):
    """A log that claims to be full but is empty takes no space on disk."""
    for _ in range(4):
        h = hello(os.urandom(16))
        fd = memory(slot(path("/etc/hostname")), h, size=16 << 20, users=1)
        os.pwrite(fd, struct.pack("<Q", (16 << 20) - 4096), 32)  # the log's tail
        s = connect(daemon)
        say_hello(s, h, [fd])
        s.close()
        os.close(fd)
    journal = daemon.spool + "/journal"
    wait_for("the journal", lambda: os.path.exists(journal) and os.stat(journal).st_size)
    assert os.stat(journal).st_size < 1 << 20, os.stat(journal).st_size
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/hostname")


memories_that_claim_what_they_do_not_hold.options = ("--interval", "600")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    run([descriptors_that_are_no_session_memory, too_many_descriptors, many_descriptors_at_once,
         many_records_that_wait_for_a_directory, prefixes_with_more_directories_than_are_kept,
         root_that_is_no_path_descriptor, garbage, logs_that_are_damaged, logs_that_do_not_fit,
         slots_that_change_their_size, pieces_that_are_not_within_a_log, segments_that_cannot_be,
         ids_of_another_size, session_that_was_dropped, records_of_long_paths,
         records_not_understood_are_gaps, another_protocol_is_a_gap,
         another_session_on_the_same_socket, memories_that_claim_what_they_do_not_hold, applications_not_allowed,
         names_do_not_leave_the_directory, links_do_not_leave_the_root, out_of_descriptors,
         idle_connections])

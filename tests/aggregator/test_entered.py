#!/usr/bin/env python3
"""Roots that a session has entered: which names their files get, whatever a peer says of its mounts."""
from peer import *

ID = 7 << 32
ENTERED_SESSION_MAX = 64
UNRESOLVED = 'kind: "unresolved"'


class Root:
    """A directory with a file, and a copy of it that another session may have read by its name."""

    def __init__(self):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="entered-"))
        self.file = self.path + "/file"
        open(self.file, "w").close()

    def fd(self):
        return os.open(self.path, os.O_PATH | os.O_DIRECTORY)

    def remove(self):
        shutil.rmtree(self.path)


def mountinfo():
    with open("/proc/self/mountinfo", "rb") as f:
        return f.read()


def mount_of(path):
    """The fields of the mount that the path is on."""
    lines = [line.split() for line in mountinfo().decode().splitlines()]
    on = [m for m in lines if path == m[4] or m[4] == "/" or path.startswith(m[4] + "/")]
    return max(on, key=lambda m: (len(m[4]), lines.index(m)))


def seen_from(root, top=None):
    """The table as a process sees it that has this directory as its root."""
    mount = mount_of(root)
    below = root[len(mount[4].rstrip("/")):]
    return ("%s 1 %s %s / rw - %s none rw\n" % (mount[0], mount[2], top or mount[3].rstrip("/") + below,
                                               mount[mount.index("-") + 1])).encode()


def tables(before, after):
    return in_memory(before + b"\0" + after + b"\0")


def in_memory(content):
    fd = os.memfd_create("tables")
    os.write(fd, content)
    return fd


def say_entered(peer, fds, id=ID, before=0, everyone=0, at_tick=0):
    said = data(1, peer.session) + fixed(2, id) + fixed(3, before) + number(4, everyone) + number(5, at_tick)
    socket.send_fds(peer.socket, [data(6, said)], fds)


def manifest_of(daemon, peer):
    peer.close()
    assert daemon.stop() == 0, daemon.stderr()
    return daemon.manifest()


def enters(daemon, root, *fds, records=(path("file", directory=ID),)):
    peer = Peer(daemon, records)
    say_entered(peer, [root.fd(), *fds])
    return manifest_of(daemon, peer)


def named_by_its_mount(daemon):
    root = Root()
    manifest = enters(daemon, root, tables(mountinfo(), seen_from(root.path)))
    assert has_file(manifest, root.file) and UNRESOLVED not in manifest, manifest
    root.remove()


def the_packet_comes_later(daemon):
    """The records may be read before it is."""
    root = Root()
    peer = Peer(daemon, [path("file", directory=ID)])
    wait_for("its start", lambda: daemon.manifest())
    time.sleep(1.5)
    say_entered(peer, [root.fd(), tables(mountinfo(), seen_from(root.path))])
    manifest = manifest_of(daemon, peer)
    assert has_file(manifest, root.file) and UNRESOLVED not in manifest, manifest
    root.remove()


def tables_that_lie(daemon):
    """A name counts only if the same file is there."""
    root, other = Root(), Root()
    manifest = enters(daemon, root, tables(mountinfo(), seen_from(other.path)))
    assert not has_file(manifest, other.file) and UNRESOLVED in manifest, manifest
    root.remove()
    other.remove()


def without_tables(daemon):
    root = Root()
    manifest = enters(daemon, root)
    assert not has_file(manifest, root.file) and UNRESOLVED in manifest, manifest
    root.remove()


def the_same_names_need_no_tables(daemon):
    peer = Peer(daemon, [path("etc/passwd", directory=ID)])
    say_entered(peer, [os.open("/", os.O_PATH | os.O_DIRECTORY)])
    manifest = manifest_of(daemon, peer)
    assert has_file(manifest, "/etc/passwd") and UNRESOLVED not in manifest, manifest


def tables_that_are_none(daemon):
    root = Root()
    peers = []
    for content in (b"", b"\0", b"no table", os.urandom(100000), b"1" * 600000, b"\0" * 1000,
                    (b"1 1 0:1 / / rw - tmpfs none rw\n" * 20000)[:524000] + b"\0\0",
                    b"18446744073709551616 1 4294967296:1 /\\0 /\\777 - - \n\0\n\0"):
        peers.append(Peer(daemon, [path("file", directory=ID)]))
        say_entered(peers[-1], [root.fd(), in_memory(content)])
    for peer in peers[1:]:
        peer.close()
    manifest = manifest_of(daemon, peers[0])
    assert not has_file(manifest, root.file) and UNRESOLVED in manifest, manifest
    root.remove()


def mounts_that_are_none(daemon):
    """What should be /proc/self/mountinfo is only read if it is that."""
    root = Root()
    fifo = root.path + "/fifo"
    os.mkfifo(fifo)
    for space in (os.open(fifo, os.O_RDWR), os.open("/etc/passwd", os.O_RDONLY), os.open("/proc/self/maps", os.O_RDONLY)):
        peer = Peer(daemon, [path("file", directory=ID)])
        say_entered(peer, [root.fd(), tables(mountinfo(), seen_from(root.path)), space])
        peer.close()
    wait_for("its file", lambda: has_file(daemon.manifest(), root.file))
    assert daemon.stop() == 0
    root.remove()


def descriptors_of_another_kind(daemon):
    root = Root()
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    plain = os.open("/etc/passwd", os.O_RDONLY)
    file = os.open("/etc/passwd", os.O_PATH)
    for fds in ([], [plain], [file], [one.fileno()], [root.fd(), plain], [root.fd(), one.fileno(), plain], [plain] * 200):
        peer = Peer(daemon, [path("/etc/hostname")])
        say_entered(peer, fds)
        assert refused(peer.socket), fds
        peer.close()
    wait_for("the gap", lambda: 'kind: "dropped-session"' in daemon.manifest())
    assert len(os.listdir("/proc/%d/fd" % daemon.process.pid)) < 50
    root.remove()


def ids_that_are_none(daemon):
    root = Root()
    for id in (0, 5, 2 ** 32 - 1, 2 ** 64 - 1):
        peer = Peer(daemon, [path("/etc/hostname")])
        say_entered(peer, [root.fd()], id=id)
        assert refused(peer.socket), id
        peer.close()
    root.remove()


def a_root_that_nobody_has_named(daemon):
    root = Root()
    peer = Peer(daemon, [path("file", directory=ID)])
    say_entered(peer, [root.fd(), tables(mountinfo(), seen_from(root.path))], before=ID + 1)
    manifest = manifest_of(daemon, peer)
    assert not has_file(manifest, root.file) and UNRESOLVED in manifest, manifest
    root.remove()


def more_than_there_may_be(daemon):
    roots = [Root() for _ in range(ENTERED_SESSION_MAX + 10)]
    def held():
        folder = "/proc/%d/fd/" % daemon.process.pid
        return {read_link(folder + fd) for fd in os.listdir(folder)} & {root.path for root in roots}

    peer = Peer(daemon, [path("file", directory=ID + i) for i in range(len(roots))])
    for i, root in enumerate(roots):
        fds = [root.fd(), tables(mountinfo(), seen_from(root.path))]
        say_entered(peer, fds, id=ID + i)
        for fd in fds:
            os.close(fd)
    peer.close()
    wait_for("a root", lambda: has_file(daemon.manifest(), roots[0].file))
    wait_for("its descriptors closed", lambda: not held())
    assert daemon.stop() == 0
    assert all(has_file(daemon.manifest(), root.file) for root in roots[:ENTERED_SESSION_MAX]), daemon.manifest()
    for root in roots:
        root.remove()


def others_with_that_root(daemon):
    """pivot_root has changed their root as well."""
    root = Root()
    other, peer = Peer(daemon, [path("/etc/hostname")]), Peer(daemon, [path("file", directory=ID)])
    wait_for("both", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    say_entered(peer, [root.fd(), tables(mountinfo(), seen_from(root.path))], everyone=1)
    wait_for("the gap", lambda: UNRESOLVED in daemon.manifest())
    other.close()
    assert has_file(manifest_of(daemon, peer), root.file)
    root.remove()


def ticks(folder):
    """What fp_tick() says."""
    program = b"#include <stdio.h>\nint main(void) { printf(\"%u\", (unsigned)(__builtin_ia32_rdtsc() >> 20) | 1); }"
    subprocess.run(["gcc", "-x", "c", "-o", folder + "/ticks", "-"], input=program, check=True)
    return int(subprocess.run([folder + "/ticks"], stdout=subprocess.PIPE, check=True).stdout)


def others_that_have_ended(daemon):
    """They have a gap unless the aggregator has seen their end before the change."""
    root = Root()
    fds = [root.fd(), tables(mountinfo(), seen_from(root.path))]
    early, late, peer = (Peer(daemon, [path("/etc/hostname")], executable=program)
                         for program in ("/usr/bin/dash", "/usr/bin/cat", "/usr/bin/env"))
    gaps = lambda: daemon.manifest().split("gaps {")[1:]
    wait_for("three", lambda: daemon.manifest().count("executables {") >= 3)
    early.close()
    time.sleep(0.2)
    before = ticks(daemon.directory)
    time.sleep(0.2)
    late.close()
    say_entered(peer, fds, everyone=1, at_tick=before)
    wait_for("a gap", gaps)
    assert ["/usr/bin/cat" in gap for gap in gaps()] == [True], gaps()
    manifest_of(daemon, peer)
    root.remove()


if __name__ == "__main__":
    run([named_by_its_mount, the_packet_comes_later, tables_that_lie, without_tables, the_same_names_need_no_tables,
         tables_that_are_none, mounts_that_are_none, descriptors_of_another_kind, ids_that_are_none,
         a_root_that_nobody_has_named, more_than_there_may_be, others_with_that_root,
         others_that_have_ended])

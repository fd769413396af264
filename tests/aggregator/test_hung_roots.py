#!/usr/bin/env python3
"""Roots whose file system does not answer, as with a dead NFS server: a FUSE file system that is served
here, or not. Nobody else waits for them, and they are a gap."""
import ctypes, os, select, struct, sys, tempfile, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

LOOKUP, FORGET, GETATTR, INIT, INTERRUPT, BATCH_FORGET = 1, 2, 3, 26, 36, 42
ROOT_NODE, FILE_NODE, FILE, SIZE = 1, 2, "there", 4321
ENOENT, ENOSYS = 2, 38
THREADS = 2  # of the daemon
PATIENCE_SECONDS = 10
libc = ctypes.CDLL(None, use_errno=True)


def attributes(node):
    mode, size = (0o40755, 0) if node == ROOT_NODE else (0o100644, SIZE)
    return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class Fuse:
    """A file system with one file. Its answers may not be cached, so that each look asks it. While it is
    dead, nobody takes requests, since a process that waits for a request that was taken cannot even be
    killed."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="hung-")
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.lock = threading.Lock()
        self.alive, self.removed = threading.Event(), False
        self.answered = time.monotonic()
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % self.device
        if libc.mount(b"hung", self.top.encode(), b"fuse", 0, options.encode()):
            error = ctypes.get_errno()
            os.close(self.device)
            os.rmdir(self.top)
            raise OSError(error, "mount")
        self.thread = threading.Thread(target=self.serve)
        self.alive.set()
        self.thread.start()
        assert os.stat(self.top).st_size == 0  # it answers

    def serve(self):
        while self.alive.wait() and not self.removed:
            if not self.asked(50):
                continue
            with self.lock:
                if self.alive.is_set() and self.asked() and not self.removed:
                    self.answer(os.read(self.device, 1 << 17))

    def asked(self, milliseconds=0):
        poll = select.poll()
        poll.register(self.device, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def die(self):
        with self.lock:
            self.alive.clear()

    def revive(self):
        self.alive.set()

    def remove(self):
        self.removed = True
        self.alive.set()
        self.thread.join()
        libc.umount2(self.top.encode(), 2)  # MNT_DETACH
        os.close(self.device)  # those that still wait for an answer get an error
        os.rmdir(self.top)

    def answer(self, request):
        self.answered = time.monotonic()
        _, code, unique, node = struct.unpack_from("<IIQQ", request)
        name = request[40:].split(b"\0")[0].decode(errors="replace")
        error, body = 0, b""
        if code in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        if code == INIT:
            body = struct.pack("<4I2H2I2HI7I", 7, 31, 0, 0, 1, 1, 4096, 1, 1, 0, 0, *[0] * 7)
        elif code == GETATTR:
            body = struct.pack("<QII", 0, 0, 0) + attributes(node)
        elif code == LOOKUP and name == FILE:
            body = struct.pack("<4Q2I", FILE_NODE, 0, 0, 0, 0, 0) + attributes(FILE_NODE)
        else:
            error = ENOENT if code == LOOKUP else ENOSYS
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            pass  # the process that asked is gone


class Inhabitant:
    """A process image in this root that has said hello."""

    def __init__(self, daemon, fuse, records, application):
        # The root's birth time is read before the file system dies, like that of a process that lived there
        # before.
        hello_bytes = hello(os.urandom(16), application, top=fuse.top, executable="/" + FILE)
        self.top = os.open(fuse.top, os.O_PATH | os.O_DIRECTORY)
        self.log = b"".join(slot(r) for r in records)
        self.memory = memory(self.log, hello_bytes)
        self.socket, self.hello = connect(daemon), hello_bytes

    def speak(self):
        say_hello(self.socket, self.hello, [self.memory, self.top], root=False)

    def all_acknowledged(self):
        return struct.unpack("<Q", os.pread(self.memory, 8, 40))[0] >= len(self.log)

    def close(self):
        self.socket.close()
        os.close(self.memory)
        os.close(self.top)


def gaps(manifest):
    return re.findall(r'kind: "unresolved"\n  path: "([^"]*)"', manifest)


def in_dead_roots(daemon, roots):
    people = [Inhabitant(daemon, root, [path("/" + FILE), path("/lib/../etc/x")], "dead%d" % i)
              for i, root in enumerate(roots)]
    for root, person in zip(roots, people):
        root.die()
        person.speak()
    return people


def others_do_not_wait(daemon, roots):
    people = in_dead_roots(daemon, roots)
    wait_for("all its threads to wait", lambda: all(root.asked() for root in roots))
    alive = Peer(daemon, [path("/etc/passwd")])
    wait_for("what is said from elsewhere", lambda: alive.acknowledged() >= len(alive.log))
    manifest = daemon.manifest()
    assert has_file(manifest, "/etc/passwd"), manifest
    assert "size: %d" % os.path.getsize("/etc/passwd") in manifest, manifest
    assert not gaps(manifest), gaps(manifest)
    for i, person in enumerate(people):
        wait_for("what is said from a dead root", person.all_acknowledged)
        assert_by_letters(daemon.manifest("dead%d@1" % i))
        person.close()
    alive.close()


def assert_by_letters(manifest):
    assert has_file(manifest, "/" + FILE) and has_file(manifest, "/etc/x"), manifest
    assert gaps(manifest) == ["/" + FILE], gaps(manifest)
    assert "size: %d" % SIZE not in manifest, manifest


def one_that_answers_again_is_looked_into(daemon, root):
    root.revive()
    again = Inhabitant(daemon, root, [path("/" + FILE)], "dead0")
    again.speak()
    wait_for("the file's size", lambda: "size: %d" % SIZE in daemon.manifest("dead0@1"))
    again.close()


def the_end_does_not_wait_for_the_dead(daemon):
    begun = time.monotonic()
    assert daemon.stop() == 0, daemon.stderr()
    assert time.monotonic() - begun < PATIENCE_SECONDS, "the end waits for dead roots"
    assert daemon.stderr().count(" does not answer: paths in it") == THREADS, daemon.stderr()


def one_that_dies_just_before_the_end(daemon):
    """Service managers wait for ten seconds."""
    root = Fuse()
    try:
        person, = in_dead_roots(daemon, [root])
        wait_for("a look that does not end", root.asked)
        person.close()
        begun = time.monotonic()
        assert daemon.stop() == 0, daemon.stderr()
        assert time.monotonic() - begun < PATIENCE_SECONDS - 1, "the end waits for it"
        assert_by_letters(daemon.manifest("dead0@1"))
    finally:
        root.remove()


def two_applications_and_one_path(daemon):
    """What nobody could look at for the one, nobody has looked at for the other."""
    root = Fuse()
    try:
        people = [Inhabitant(daemon, root, [path("/" + FILE)], name) for name in ("one", "two")]
        for person in people:
            person.speak()
        for name in "one", "two":
            wait_for("a look", lambda: "size: %d" % SIZE in daemon.manifest(name + "@1"))
        root.die()
        for person in people:
            person.log += slot(path("/other"))
            os.pwrite(person.memory, person.log, 64 + len(person.hello) + -len(person.hello) % 8)
        for person in people:
            wait_for("what is said from a dead root", person.all_acknowledged)
            person.close()
        for name in "one", "two":
            assert "did not answer" in daemon.manifest(name + "@1"), (name, daemon.manifest(name + "@1"))
    finally:
        root.remove()


def whose_packages_files_are_is_not_waited_for(daemon):
    """What was looked at while the root answered is in the manifest, except for the packages."""
    root = Fuse()
    try:
        person = Inhabitant(daemon, root, [path("/" + FILE)], "alone")
        spoken = time.monotonic()
        person.speak()
        wait_for("a look", lambda: spoken < root.answered < time.monotonic() - 0.5)
        root.die()
        wait_for("its manifest", person.all_acknowledged)
        manifest = daemon.manifest("alone@1")
        assert has_file(manifest, "/" + FILE) and "size: %d" % SIZE in manifest, manifest
        assert daemon.stderr().count("does not say whose packages") == 1, daemon.stderr()
        person.close()
    finally:
        root.remove()


# The file system dies between the look and the manifest.
whose_packages_files_are_is_not_waited_for.options = ("--interval", "3")


def looks_that_do_not_end_hold_no_manifest_up(daemon):
    """Looks use the same tools as the search for owners of files, so that search does not wait for them
    either."""
    root = Fuse()
    try:
        people = [Inhabitant(daemon, root, [path("/" + name)], "alone") for name in (FILE, "other")]
        spoken = time.monotonic()
        people[0].speak()
        wait_for("a look", lambda: spoken < root.answered < time.monotonic() - 0.5)
        root.die()
        people[1].speak()
        wait_for("a look that does not end", root.asked)
        alive = Peer(daemon, [path("/etc/passwd")])
        wait_for("what is said from elsewhere", lambda: alive.acknowledged() >= len(alive.log))
        for person in people:
            wait_for("what is said from the dead root", person.all_acknowledged)
            person.close()
        alive.close()
        assert has_file(daemon.manifest("alone@1"), "/other")
    finally:
        root.remove()


looks_that_do_not_end_hold_no_manifest_up.options = ("--interval", "3")


class Sender:
    """A process that opens files there and sends the descriptors, because whoever closes one has to wait,
    too."""

    def __init__(self, root, packets):
        ready, go = os.pipe(), os.pipe()
        self.go = go[1]
        self.pid = os.fork()
        if not self.pid:
            os.close(root.device)
            files = [os.open("%s/%s" % (root.top, FILE), os.O_RDONLY) for _ in range(2)]
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            for peer, packet in packets:
                socket.send_fds(peer, [packet], files)
            signal.pause()
        assert os.read(ready[0], 1) == b"x"

    def send(self):
        os.write(self.go, b"x")

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def descriptors_whose_close_does_not_end(daemon):
    """Closing a file asks its server to write what is left. Peers send descriptors that no hello needs."""
    root = Fuse()
    stranger, known = connect(daemon), Peer(daemon, [path("/etc/hostname")], application="known")
    sender = Sender(root, [(stranger, data(1, hello(os.urandom(16)))),
                           (known.socket, data(5, data(1, known.session)))])
    try:
        root.die()
        sender.send()
        wait_for("a close that does not end", root.asked)
        for application in ("one", "two"):
            alive = Peer(daemon, [path("/etc/passwd")], application=application)
            wait_for("what others say", lambda: alive.acknowledged() >= len(alive.log))
            alive.close()
        assert refused(stranger)
        known.close()
        wait_for("the gap", lambda: 'kind: "dropped-session"' in daemon.manifest("known@1"))
        daemon.process.send_signal(signal.SIGTERM)
        wait_for("its end", lambda: "footprintd: sessions: 3" in daemon.stderr())
    finally:
        root.remove()
        sender.end()
    # A process only ends when the kernel has closed its files.
    assert daemon.process.wait(LIMIT_SECONDS) == 0, daemon.stderr()


def dead_roots(daemon):
    """A second daemon is told to stop while it waits for its only root; both get the same ten seconds."""
    ending, roots = Daemon(), []
    try:
        for _ in range(THREADS + 1):
            roots.append(Fuse())
        last = in_dead_roots(ending, roots[THREADS:])[0]
        wait_for("a look", roots[THREADS].asked)
        last.close()
        ending.process.send_signal(signal.SIGTERM)
        others_do_not_wait(daemon, roots[:THREADS])
        one_that_answers_again_is_looked_into(daemon, roots[0])
        the_end_does_not_wait_for_the_dead(daemon)
        assert ending.process.wait(LIMIT_SECONDS) == 0, ending.stderr()
        assert_by_letters(ending.manifest("dead0@1"))
    finally:
        for root in roots:
            root.remove()
        ending.remove()


if __name__ == "__main__":
    if os.geteuid() or not os.path.exists("/dev/fuse"):
        print("needs root and /dev/fuse")
        sys.exit(77)
    try:
        Fuse().remove()
    except OSError as error:
        print("cannot mount a FUSE file system: %s" % error)
        sys.exit(77)
    run([dead_roots, one_that_dies_just_before_the_end, two_applications_and_one_path, whose_packages_files_are_is_not_waited_for,
         looks_that_do_not_end_hold_no_manifest_up, descriptors_whose_close_does_not_end])

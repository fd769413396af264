#!/usr/bin/env python3
# time-limit: 400
"""Large numbers of peers, and peers that play tricks while they are being read, are dropped and counted;
memory stays bounded, and the manifest of a good application is the same as without them."""
import errno, hashlib, random, threading
from faults import *

GARBAGE = 1000000 if LONG else 50000
IDLE = 10000 if LONG else 2000
MEMORY_KIB_MAX = 100 << 10
PUNCH_HOLE, KEEP_SIZE = 2, 1
RECORDS = [path("/etc/passwd"), path("/etc/none", error=2), load("/lib/x86_64-linux-gnu/libc.so.6"),
           execute("/usr/bin/ls")]


def good(daemon, name="good"):
    Peer(daemon, RECORDS, application=name).close()
    wait_for("the good manifest", lambda: has_file(daemon.manifest(name + "@1"), "/usr/bin/ls"))


def expected():
    daemon = Daemon()
    try:
        good(daemon)
        finish(daemon)
        return daemon.manifest("good@1")
    finally:
        daemon.remove()


def check_good(daemon):
    """Runs a good application, whose manifest must be as usual, and stops the daemon."""
    good(daemon)
    assert daemon.memory_kib() < MEMORY_KIB_MAX, "%d KiB" % daemon.memory_kib()
    finish(daemon)
    assert_same_facts(EXPECTED, daemon.manifest("good@1"))


def a_million_datagrams_of_garbage(daemon):
    dice, sent, connections = random.Random(), 0, 0
    junk = [dice.randbytes(dice.randrange(1, 1200)) for _ in range(500)]
    while sent < GARBAGE:
        s = connect(daemon)
        s.setblocking(False)
        connections += 1
        try:
            while True:
                s.send(junk[sent % len(junk)])
                sent += 1
        except OSError:
            s.close()
    check_good(daemon)
    assert daemon.counter("hellos refused") == connections, connections


def connect_patiently(daemon):
    """Connects, although the backlog may be full: the daemon keeps descriptors free for those who are
    connected."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        try:
            return connect(daemon)
        except BlockingIOError:
            time.sleep(0.01)
    raise AssertionError("nobody accepts")


def ten_thousand_who_say_nothing(daemon):
    idle = [connect_patiently(daemon) for _ in range(IDLE)]
    good(daemon, "meanwhile")
    assert all(refused(s) for s in idle), "kept"
    check_good(daemon)
    assert daemon.counter("connections dropped without a hello") == IDLE


def sparse_and_shrinking_memory(daemon):
    for size, seals in ((1 << 40, SEALS), (1 << 20, 0), (1 << 20, F_SEAL_SEAL | F_SEAL_GROW)):
        h = hello(os.urandom(16))
        fd = memory(slot(RECORDS[0]), h, size=1 << 20, seals=0)
        os.ftruncate(fd, size)
        if seals:
            fcntl.fcntl(fd, F_ADD_SEALS, seals)
        s = connect(daemon)
        say_hello(s, h, [fd])
        if not seals:
            os.ftruncate(fd, 0)
        assert refused(s), "accepted memory of %d bytes with seals %d" % (size, seals)
    check_good(daemon)
    assert daemon.counter("hellos refused") == 3


def memory_that_changes_while_it_is_read(daemon):
    """Slots' words are set at random, and holes are punched where records were: seals allow both."""
    dice, libc = random.Random(), __import__("ctypes").CDLL(None, use_errno=True)
    for turn in range(40 if LONG else 10):
        peer = Peer(daemon, [path("/etc/none-%d" % i, error=2) for i in range(4000)],
                    application="bad", size=1 << 20)
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            offset = 1024 + dice.randrange(0, 1 << 18) // 8 * 8
            try:
                os.pwrite(peer.memory, dice.randbytes(4), offset)
                libc.fallocate(peer.memory, PUNCH_HOLE | KEEP_SIZE, offset // 4096 * 4096, 4096)
                peer.socket.send(data(3, data(1, peer.session)))
            except OSError as error:
                assert error.errno in (errno.EPIPE, errno.ECONNRESET, errno.EAGAIN), error
                break
        peer.close()
    check_good(daemon)


def digests(manifest):
    """The SHA-256 sums, which protoc prints with octal escapes."""
    return {line.split(": ", 1)[1] for line in manifest.split("\n") if "sha256:" in line}


def protoc_bytes(value):
    named = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
    return '"%s"' % "".join(named.get(b) or (chr(b) if 32 <= b < 127 else "\\%03o" % b)
                            for b in value)


def paths_that_try_to_leave_the_root(daemon):
    """A container's root with links that lead out of it, and one that is replaced while it is walked."""
    folder = working_folder()
    for name, content in (("outside", "outside"), ("root/outside", "inside")):
        os.makedirs("%s/%s" % (folder, name))
        with open("%s/%s/secret" % (folder, name), "w") as f:
            f.write(content)
    root, up = folder + "/root", "../" * 20
    os.symlink(up + folder[1:] + "/outside", root + "/relative")
    os.symlink(folder + "/outside", root + "/absolute")
    os.symlink("/proc/self/root" + folder + "/outside", root + "/magic")
    os.symlink("swapped", root + "/way")
    os.makedirs(root + "/swapped")
    shutil.copy(root + "/outside/secret", root + "/swapped/secret")
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    status, over = os.fstat(fd), threading.Event()

    def swap():
        while not over.is_set():
            os.rename(root + "/swapped", root + "/real")
            os.symlink(up + folder[1:] + "/outside", root + "/swapped")
            os.unlink(root + "/swapped")
            os.rename(root + "/real", root + "/swapped")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for turn in range(60):
            h = hello(os.urandom(16), application="bad", executable="/outside/secret") + \
                fixed(15, status.st_dev) + fixed(16, status.st_ino)
            names = ["/relative/secret", "/absolute/secret", "/magic/secret", "/way/secret",
                     "/swapped/secret", "/" + up + "outside/secret", "/outside/../../outside/secret"]
            mem = memory(b"".join(slot(path(n)) for n in names), h)
            s = connect(daemon)
            say_hello(s, h, [mem, fd], root=False)
            s.close()
            os.close(mem)
    finally:
        wait_for("its manifest", lambda: has_file(daemon.manifest("bad@1"), "/outside/secret"))
        over.set()
        swapper.join()
    check_good(daemon)
    found = digests(daemon.manifest("bad@1"))
    assert protoc_bytes(hashlib.sha256(b"inside").digest()) in found, found
    assert protoc_bytes(hashlib.sha256(b"outside").digest()) not in found, "left the root"


def files_that_would_hang_a_reader(daemon):
    folder = working_folder()
    os.mkfifo(folder + "/fifo")
    with open("/bin/true", "rb") as f:
        head = bytearray(f.read(4096))
    elves = {"sparse": None, "many": (56, b"\xff\xff"), "far": (32, b"\xff" * 8), "loop": (32, b"\0" * 8)}
    for name, patch in elves.items():
        with open("%s/%s" % (folder, name), "wb") as f:
            body = bytearray(head)
            if patch:
                body[patch[0]:patch[0] + len(patch[1])] = patch[1]
            f.write(body)
        if not patch:
            os.truncate("%s/%s" % (folder, name), 1 << 40)
    os.symlink("round", folder + "/round")
    names = [folder + "/" + n for n in ("fifo", "sparse", "many", "far", "loop", "round")] + \
        ["/dev/zero", "/dev/random", "/proc/kmsg"]
    Peer(daemon, [record(n) for n in names for record in (path, load, execute)],
         application="bad").close()
    check_good(daemon)
    manifest = daemon.manifest("bad@1")
    for name in "fifo", *elves:
        assert has_file(manifest, folder + "/" + name), name
    # Who hangs in one is replaced after a while, and says so.
    assert not [gap for gap in gaps(manifest) if gap[0] == "unresolved"], gaps(manifest)


def names_of_others(daemon):
    """An application that is not allowed, and a user who is not allowed."""
    limited = Daemon("--allow-app", "good", "--allow-uid", "12345")
    try:
        for application in ("good", "other"):
            s = connect(limited)
            h = hello(os.urandom(16), application=application)
            say_hello(s, h, [memory(slot(RECORDS[0]), h)])
            assert refused(s), application
        finish(limited)
        assert limited.counter("hellos refused") == 2
        assert limited.written() == []
    finally:
        limited.remove()
    limited = Daemon("--allow-app", "good")
    try:
        s = connect(limited)
        h = hello(os.urandom(16), application="other")
        say_hello(s, h, [memory(slot(RECORDS[0]), h)])
        assert refused(s)
        check_good(limited)
    finally:
        limited.remove()


EXPECTED = None
if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < IDLE + 1000:
        skip("needs %d descriptors" % (IDLE + 1000))
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 1000, hard))
    EXPECTED = expected()
    run([a_million_datagrams_of_garbage, ten_thousand_who_say_nothing, sparse_and_shrinking_memory,
         memory_that_changes_while_it_is_read, paths_that_try_to_leave_the_root,
         files_that_would_hang_a_reader, names_of_others])

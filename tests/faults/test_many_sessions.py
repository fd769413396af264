#!/usr/bin/env python3
# time-limit: 300
"""More sessions at a time than the daemon has pairs of descriptors for. Each of them is heard, its memory
acknowledged, and read to its end when all of them are killed at once."""
from faults import *

SESSIONS = 10000 if LONG else 300
LIMIT = 16384 if LONG else 512  # descriptors of the daemon
EACH = 5000  # sessions of one holder, which has two descriptors for each


def connected(daemon):
    """Connects, however full the backlog is."""
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            return connect(daemon)
        except BlockingIOError:
            assert time.monotonic() < end, "the backlog stays full"
            time.sleep(0.01)


def hold(daemon, first, count, told):
    """Holds sessions that record one file each, and later another one, until they are killed."""
    peers = []
    for i in range(first, first + count):
        session = os.urandom(16)
        said = hello(session, started=time.time_ns())
        log = slot(path("/sessions/early.%d" % i))
        fd = memory(log, said, size=4096)
        s = connected(daemon)
        say_hello(s, said, [fd])
        peers.append((s, fd, 64 + len(said) + -len(said) % 8 + len(log), len(log)))
    wait_for("acknowledgements", lambda: all(
        struct.unpack("<Q", os.pread(fd, 8, 40))[0] >= size for _, fd, _, size in peers))
    for i, (_, fd, offset, _) in enumerate(peers):
        os.pwrite(fd, slot(path("/sessions/late.%d" % (first + i))), offset)
    os.write(told, b"x")
    signal.pause()


def main():
    if LONG and resource.getrlimit(resource.RLIMIT_NOFILE)[1] < LIMIT:
        skip("may not have %d descriptors" % LIMIT)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    daemon = Daemon(interval="0.2", descriptors=LIMIT)
    ready, told = os.pipe()
    children = []
    try:
        for first in range(0, SESSIONS, EACH):
            child = os.fork()
            if not child:
                try:
                    hold(daemon, first, min(EACH, SESSIONS - first), told)
                except Exception as error:
                    print("holder:", repr(error), flush=True)
                finally:
                    os._exit(1)
            children.append(child)
        os.close(told)
        assert all(os.read(ready, 1) for _ in children), "a holder of sessions failed"
        held = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
        assert SESSIONS < held < LIMIT, "%d descriptors for %d sessions" % (held, SESSIONS)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        manifest = finish(daemon)
        known = set(accesses(manifest))
        for i in range(SESSIONS):
            assert {"/sessions/early.%d" % i, "/sessions/late.%d" % i} <= known, i
        assert counts(manifest)["runs"] == [(SESSIONS, 2 * SESSIONS)], counts(manifest)
        assert not gaps(manifest), gaps(manifest)
        print("%d sessions with %d descriptors" % (SESSIONS, held))
    finally:
        daemon.remove()


main()

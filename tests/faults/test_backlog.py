#!/usr/bin/env python3
# time-limit: 600
"""Programs end faster than footprintd can work: what they have put into the spool stays there until it is in the
manifest, also if footprintd reads it from their memory. strace slows footprintd down."""
from faults import *

if not shutil.which("strace"):
    skip("needs strace")

PEERS, EACH = 3, 35000  # more than its queue of facts takes in the time for which it waits for directories
DELAY_US = 100
SLOW = ["strace", "-D", "-qq", "-f", "-o", "/dev/null", "-e", "trace=openat2,statx,newfstatat", "-e",
        "inject=openat2,statx,newfstatat:delay_enter=%d" % DELAY_US]


def names(peer):
    return ["/none-%d-%d" % (peer, i) for i in range(EACH)]


def program_that_ends(daemon, peer):
    """Its records are in its memory, which footprintd holds, and in the spool."""
    said = hello(os.urandom(16), started=1)
    log = b"".join(slot(path(name, error=2)) for name in names(peer))
    fd = memory(log, said, size=8 << 20, users=0)
    s = connect(daemon)
    say_hello(s, said, [fd])
    wait_for("its memory there", lambda: any("memfd:peer" in read_link(f) for f in
             glob.glob("/proc/%d/fd/*" % daemon.process.pid)))
    append_to_spool(daemon, spool_entry(said, log, written=2))
    s.close()
    os.close(fd)


def main():
    daemon = Daemon("--threads", "1", interval="0.2", wrapper=SLOW)
    try:
        for peer in range(PEERS):
            program_that_ends(daemon, peer)
        wait_for("the spool read", lambda: settled(daemon), 200)
        daemon.kill()
        daemon.wrapper = ()
        daemon.start()
        manifest = finish(daemon)
        lost = {name for peer in range(PEERS) for name in names(peer)} - missing(manifest)
        assert not lost, "%d records are lost" % len(lost)
        assert not gaps(manifest), gaps(manifest)
        print("%d records" % (PEERS * EACH))
    finally:
        daemon.remove()


main()

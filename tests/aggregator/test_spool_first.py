#!/usr/bin/env python3
"""What a process left in the spool is read before its hello, but its memory says what became of its
executions."""
import os, signal, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

TICK_SECONDS = 1.2  # of the daemon, and a little more


def test_execs_wait_for_the_memory(daemon):
    session = os.urandom(16)
    said = hello(session)
    records = [path("/etc/hostname"), execute("/usr/bin/dash"), execute("/usr/bin/ls")]
    spooled = b"".join(map(slot, records, [READY, EXEC, EXEC]))
    remembered = b"".join(map(slot, records, [READY, VOID, EXEC]))
    # When it continues, the daemon looks at the spool first, and then at its sockets.
    daemon.process.send_signal(signal.SIGSTOP)
    with open(daemon.spool + "/records.0", "wb") as f:
        f.write(spool_entry(said, spooled))
    s = connect(daemon)
    say_hello(s, said, [memory(remembered, said, users=0)])
    s.close()
    time.sleep(TICK_SECONDS)
    daemon.process.send_signal(signal.SIGCONT)
    assert daemon.stop() == 0
    manifest = daemon.manifest()
    assert has_file(manifest, "/etc/hostname"), manifest
    assert has_file(manifest, "/usr/bin/ls"), "an exec that happened is lost: " + manifest
    assert not has_file(manifest, "/usr/bin/dash"), "an exec that failed: " + manifest


run([test_execs_wait_for_the_memory] * 3)

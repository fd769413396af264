#!/usr/bin/env python3
"""There is no memory for something, and there will be none: nobody waits for it for ever, the end least of
all, and what is not known for that reason is a gap."""
# time-limit: 240
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from peer import *

DISK_PATIENCE_SECONDS = 40
END_SECONDS = 9  # service managers wait for ten
LEFT = "there was no memory for some records"


def without_memory(daemon, what):
    """From now on, for what no_memory.c calls so."""
    library = daemon.directory + "/no_memory.so"
    if not os.path.exists(library):
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, HERE + "/no_memory.c"], check=True)
    daemon.kill()
    daemon.wrapper = ["env", "LD_PRELOAD=" + library, "NO_MEMORY=%s/short" % daemon.directory]
    with open(daemon.directory + "/short", "w") as f:
        f.write(what)
    daemon.start()


def memory_again(daemon):
    os.unlink(daemon.directory + "/short")


def ends_soon(daemon):
    begun = time.monotonic()
    status = daemon.stop()
    took = time.monotonic() - begun
    assert took < END_SECONDS, "the end took %.1f s" % took
    return status


def large_spool_file(daemon):
    """It stays for a successor, and the manifests say that something is missing."""
    without_memory(daemon, "large")
    log = b"".join(slot(path("/usr/lib/large-%d" % i, error=2)) for i in range(3000))
    with open(daemon.spool + "/records.0", "wb") as f:
        for _ in range(40):
            f.write(spool_entry(hello(os.urandom(16)), log))
    person = Peer(daemon, [path("/etc/passwd")])
    wait_for("the records", lambda: person.acknowledged() >= len(person.log))
    assert ends_soon(daemon) == 1, "it was not all written"
    assert LEFT in daemon.manifest() and LEFT in daemon.stderr(), daemon.manifest()
    person.close()
    memory_again(daemon)
    daemon.start()
    wait_for("the rest", lambda: "/usr/lib/large-2999" in daemon.manifest())
    assert daemon.stop() == 0


def disk_that_does_not_answer(daemon):
    """Nothing can be written there. The next daemon has it all."""
    without_memory(daemon, "sync")
    Peer(daemon, [path("/etc/passwd")]).close()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(DISK_PATIENCE_SECONDS) == 1
    assert daemon.manifests + ": does not answer" in daemon.stderr()
    assert not has_file(daemon.manifest(), "/etc/passwd")
    memory_again(daemon)
    daemon.start()
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/passwd")


run([disk_that_does_not_answer, large_spool_file])

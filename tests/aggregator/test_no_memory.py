#!/usr/bin/env python3
"""There is no memory for something, and there will be none: nobody waits for it for ever, the end least of
all, and what is not known for that reason is a gap."""
# time-limit: 240
import os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from peer import *

PATIENCE_SECONDS = 10
DISK_PATIENCE_SECONDS = 40
END_SECONDS = 9  # service managers wait for ten
COSTLY = "/usr/lib/costly/file"
BY_TEXT = "no memory to look at its files"
LEFT = "there was no memory for some records"


def without_memory(daemon, what):
    """From now on, for what no_memory.c calls so."""
    library = daemon.directory + "/no_memory.so"
    if not os.path.exists(library):
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-I", HERE + "/../..", "-o", library, HERE + "/no_memory.c"], check=True)
    daemon.kill()
    daemon.wrapper = ["env", "LD_PRELOAD=" + library, "NO_MEMORY=%s/short" % daemon.directory]
    with open(daemon.directory + "/short", "w") as f:
        f.write(what)
    daemon.start()


def memory_again(daemon):
    os.unlink(daemon.directory + "/short")


def unresolved(manifest):
    return re.findall(r'kind: "unresolved"\n  path: "([^"]*)"\n  detail: "(.*)"', manifest)


def assert_by_text(daemon, *applications):
    for application in applications:
        manifest = daemon.manifest(application + "@1")
        gaps = [program for program, why in unresolved(manifest) if BY_TEXT in why]
        assert gaps == ["/usr/bin/env"], (application, gaps, manifest)
        assert has_file(manifest, COSTLY), manifest
    assert daemon.stderr().count("no memory to look at files") == 1, "said once"


def ends_soon(daemon):
    begun = time.monotonic()
    status = daemon.stop()
    took = time.monotonic() - begun
    assert took < END_SECONDS, "the end took %.1f s" % took
    return status


def others_go_on(daemon):
    """What was said before it and after it is looked at. Whoever uses the same file has a gap as well."""
    without_memory(daemon, "path")
    begun = time.monotonic()
    records = [path("/etc/passwd"), path(COSTLY), path("/etc/hostname")]
    people = [Peer(daemon, records, application=name) for name in ("one", "other")]
    for person in people:
        wait_for("the records", lambda: person.acknowledged() >= len(person.log))
    assert time.monotonic() - begun > PATIENCE_SECONDS / 2, "it was not waited for"
    assert_by_text(daemon, "one", "other")
    for file in "/etc/passwd", "/etc/hostname":
        size = "size: %d\n" % os.path.getsize(file)
        for name in "one@1", "other@1":
            assert has_file(daemon.manifest(name), file) and size in daemon.manifest(name), (name, file)
    later = Peer(daemon, records, application="later")
    begun = time.monotonic()
    wait_for("later records", lambda: later.acknowledged() >= len(later.log))
    assert time.monotonic() - begun < PATIENCE_SECONDS / 2, "it was waited for as long once more"
    assert_by_text(daemon, "later")
    assert daemon.stop() == 0


def memory_comes_back(daemon):
    without_memory(daemon, "path")
    person = Peer(daemon, [path("/etc/passwd"), path(COSTLY, error=2)])
    time.sleep(2)
    memory_again(daemon)
    wait_for("the records", lambda: person.acknowledged() >= len(person.log))
    assert not unresolved(daemon.manifest()), daemon.manifest()
    assert daemon.stop() == 0


def the_end_waits_a_little(daemon):
    without_memory(daemon, "path")
    Peer(daemon, [path("/etc/passwd"), path(COSTLY)]).close()
    assert ends_soon(daemon) == 0, daemon.stderr()
    assert_by_text(daemon, "app")


def memory_comes_back_at_the_end(daemon):
    without_memory(daemon, "path")
    Peer(daemon, [path("/etc/passwd"), path(COSTLY, error=2)]).close()
    time.sleep(1)
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    memory_again(daemon)
    assert ends_soon(daemon) == 0, daemon.stderr()
    assert not unresolved(daemon.manifest()), daemon.manifest()


def no_threads(daemon):
    without_memory(daemon, "threads")
    Peer(daemon, [path(COSTLY)]).close()
    ends_soon(daemon)
    assert_by_text(daemon, "app")


def large_spool_file(daemon):
    """It stays for a successor, and the manifests say that something is missing."""
    without_memory(daemon, "large")
    log = b"".join(slot(path("/usr/lib/large-%d" % i, error=2)) for i in range(3000))
    append_to_spool(daemon, b"".join(spool_entry(hello(os.urandom(16)), log) for _ in range(40)))
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


run([disk_that_does_not_answer, others_go_on, memory_comes_back, the_end_waits_a_little, memory_comes_back_at_the_end,
     no_threads, large_spool_file])

#!/usr/bin/env python3
"""Several applications at once: a program that belongs to another application than the one that started it
is known from there, or is a gap; and there may be many applications."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

CHILD = "/usr/bin/true"
VERSIONS, KIB_OF_A_VERSION = 400, 64


def silent(manifest):
    """The programs that were executed and, according to the manifest, never connected."""
    return re.findall(r'^gaps \{\n  kind: "no-hello"\n  path: "(.*)"$', manifest, re.M)


def watched(manifest, program):
    """How the program was watched."""
    found = re.search(r'^executables \{\n  path: "%s"\n(.*?)^\}' % program, manifest, re.M | re.S)
    assert found, "no such program"
    return re.search(r"watched: WATCHED_(\w+)|$", found.group(1)).group(1) or "NONE"


def parent_that_executes(daemon, started=None):
    return Peer(daemon, [execute(CHILD)], started=started or time.time_ns())


def child_of_another_application(daemon, started=None):
    return Peer(daemon, [path("/etc/hostname")], application="child", executable=CHILD,
                started=started or time.time_ns())


def child_that_ends_first(daemon):
    parent = parent_that_executes(daemon)
    child_of_another_application(daemon).close()
    parent.close()
    assert daemon.stop() == 0
    assert silent(daemon.manifest()) == [], silent(daemon.manifest())
    assert watched(daemon.manifest(), CHILD) == "PRELOAD", watched(daemon.manifest(), CHILD)
    assert not has_file(daemon.manifest(), "/etc/hostname"), "the child's facts are its own"
    assert has_file(daemon.manifest("child@1"), "/etc/hostname")


def child_that_outlives_its_parent(daemon):
    parent = parent_that_executes(daemon)
    child = child_of_another_application(daemon)
    parent.close()
    wait_for("the end of the run", lambda: "ended_ns" in daemon.manifest())
    assert silent(daemon.manifest()) == [], silent(daemon.manifest())
    child.close()


def later_run_of_the_parent(daemon):
    """A program that connected in one run is no gap of the next run, which does not execute it."""
    child_that_ends_first(daemon)
    daemon.start()
    Peer(daemon, started=time.time_ns()).close()
    assert daemon.stop() == 0
    assert silent(daemon.manifest()) == [], silent(daemon.manifest())


def child_that_nobody_heard_of(daemon):
    parent_that_executes(daemon).close()
    Peer(daemon, application="other", started=time.time_ns()).close()
    assert daemon.stop() == 0
    assert silent(daemon.manifest()) == [CHILD], silent(daemon.manifest())


def namesake_before_the_run(daemon):
    """A program that ran before the run cannot be the one that was executed."""
    before = time.time_ns()
    child_of_another_application(daemon, started=before).close()
    parent_that_executes(daemon, started=before + 1).close()
    assert daemon.stop() == 0
    assert silent(daemon.manifest()) == [CHILD], silent(daemon.manifest())


def namesake_in_another_root(daemon):
    """A program with the same name in another container is another program."""
    parent = parent_that_executes(daemon)
    elsewhere = hello(os.urandom(16), application="child", executable=CHILD, top="/proc",
                      started=time.time_ns())
    with open(daemon.directory + "/records", "wb") as f:
        f.write(spool_entry(elsewhere, slot(path("/etc/hostname"))))
    os.rename(f.name, daemon.spool + "/records.0")
    wait_for("the child", lambda: daemon.manifest("child@1"))
    parent.close()
    assert daemon.stop() == 0
    assert silent(daemon.manifest()) == [CHILD], silent(daemon.manifest())


def names_of_the_greatest_length(daemon):
    """Two names that only differ at their ends have a manifest each, and neither waits for that of the
    other."""
    for end in "xy":
        Peer(daemon, [path("/usr/lib/" + end, error=2)], application="a" * 127 + end, version="1" * 128).close()
    assert daemon.stop() == 0, daemon.stderr()
    files = [name for name in os.listdir(daemon.manifests) if name.startswith("aaa")]
    assert len(files) == 2, files
    said = "".join(daemon.manifest(name[:-len(".footprint")]) for name in files)
    assert 'path: "/usr/lib/x"' in said and 'path: "/usr/lib/y"' in said, said


def many_versions(daemon):
    """Each version only takes the memory of its facts."""
    before = daemon.memory_kib("VmRSS")
    for version in range(VERSIONS):
        Peer(daemon, [path("/etc/hostname"), execute(CHILD), load("/lib/libx.so.1")], version=str(version)).close()
    wait_for("all of them", lambda: len(daemon.written()) == VERSIONS)
    each = (daemon.memory_kib() - before) / VERSIONS
    assert each < KIB_OF_A_VERSION, "%d KiB for a version" % each


run([names_of_the_greatest_length, many_versions, child_that_ends_first, child_that_outlives_its_parent, later_run_of_the_parent,
     child_that_nobody_heard_of, namesake_before_the_run, namesake_in_another_root])

#!/usr/bin/env python3
# time-limit: 300
"""Spool, journal and restart: nothing is lost that was recorded, whoever is killed."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

RESERVE_SLOT = 4096


def spool_file(daemon, entries, name="records.0"):
    """Makes a spool file under its name only when it is complete, because without a lock it may be read at
    once."""
    with open(daemon.directory + "/being-written", "wb") as f:
        f.write(entries)
    os.rename(f.name, daemon.spool + "/" + name)


def entry(records, application="app", offset=0, session=None):
    return spool_entry(hello(session or os.urandom(16), application),
                       b"".join(slot(r) for r in records), offset)


def lost_entry(hello_bytes, lost):
    """Of records that could not be kept."""
    head = struct.pack("<8sIIQQQI", b"FRPTLOG3", len(hello_bytes), 0, 0, 1, lost, 1)
    return head + struct.pack("<I", checksum(head + bytes(4), hello_bytes, b"")) + hello_bytes


def files_left_while_away(daemon):
    daemon.kill()
    spool_file(daemon, entry([path("/etc/passwd")]))
    spool_file(daemon, entry([path("/etc/group")]), "records.1000")
    spool_file(daemon, entry([path("/etc/hosts")]), "taken.41")
    daemon.start()
    wait_for("the files", lambda: all(has_file(daemon.manifest(), f) for f in
                                      ("/etc/passwd", "/etc/group", "/etc/hosts")))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)


def who_began_without_a_spool(daemon):
    """There was no spool before the daemon made it, so others of the same run may have kept nothing. This
    holds whether the process connects, or leaves records in the spool that exists by then."""
    daemon.kill()
    shutil.rmtree(daemon.spool)
    daemon.has_spool = False
    daemon.start()
    Peer(daemon, [path("/etc/hosts")], application="before").close()
    Peer(daemon, [path("/etc/hosts")], application="after", started=time.time_ns()).close()
    spool_file(daemon, entry([path("/etc/hosts")], application="spooled"))
    for name, gaps in ("before", 1), ("after", 0), ("spooled", 1):
        wait_for(name, lambda: has_file(daemon.manifest(name + "@1"), "/etc/hosts"))
        assert daemon.manifest(name + "@1").count('kind: "lost-records"') == gaps, daemon.manifest(name + "@1")


def torn_entries(daemon):
    whole = entry([path("/etc/passwd")])
    torn = entry([path("/etc/group")])
    flipped = bytearray(entry([path("/etc/hosts")]))
    flipped[-3] ^= 1
    spool_file(daemon, torn[:-5] + whole + bytes(flipped) + entry([path("/etc/hostname")])
               + torn[:20])
    wait_for("the whole entries", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert has_file(daemon.manifest(), "/etc/passwd")
    assert daemon.stop() == 0
    assert not has_file(daemon.manifest(), "/etc/hosts")
    assert daemon.counter("spool entries damaged") == 3
    assert 'kind: "lost-records"' in daemon.manifest(), "silently incomplete"


def entries_cut_short_by_a_kill(daemon):
    """Nothing is lost if the record was still being made, or if the process has spooled or sent it in
    another way."""
    def cut(log, session, by, **how):
        return spool_entry(hello(session), log, **how)[:-by]

    log = slot(path("/etc/passwd")) + slot(path("/etc/group"))
    spooled, sent = os.urandom(16), os.urandom(16)
    peer = Peer(daemon, [path("/etc/passwd"), path("/etc/group")], session=sent)
    spool_file(daemon, cut(log, os.urandom(16), 5, making=True)
               + cut(log, os.urandom(16), len(log) + 30, making=True)
               + cut(log, spooled, 5) + spool_entry(hello(spooled), log)
               + cut(log, sent, 5) + cut(log, sent, 8))
    wait_for("the file read", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    wait_for("the whole entry", lambda: has_file(daemon.manifest(), "/etc/group"))
    peer.close()
    assert daemon.stop() == 0
    assert "gaps {" not in daemon.manifest(), daemon.manifest()


def execution_that_had_not_settled(daemon):
    """The spool file stays until the execution has become a fact, or has failed. For a process that goes
    on, that takes a second, in which manifests are written."""
    session = os.urandom(16)
    s = connect(daemon)
    say_hello(s, hello(session), [])
    spool_file(daemon, spool_entry(hello(session), slot(path("/etc/passwd"))
                                   + slot(execute("/usr/bin/dash"), EXEC)))
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    time.sleep(0.3)
    daemon.kill()
    assert not has_file(daemon.manifest(), "/usr/bin/dash"), "it settled: this tests nothing"
    s.close()
    daemon.start()
    wait_for("the program", lambda: has_file(daemon.manifest(), "/usr/bin/dash"))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)


def execution_that_had_not_settled_in_a_memory(daemon):
    """The same of a process whose memory has it as well: the file says nothing new, but the execution is in no
    manifest yet."""
    peer = Peer(daemon, [path("/etc/passwd")])
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    later = slot(execute("/usr/bin/dash"), EXEC)
    os.pwrite(peer.memory, later, 64 + len(peer.hello) + -len(peer.hello) % 8 + len(peer.log))
    spool_file(daemon, spool_entry(peer.hello, later, offset=len(peer.log)))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    daemon.kill()
    peer.close()
    daemon.start()
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/usr/bin/dash"), "an execution is lost: " + daemon.manifest()


def record_that_waits_in_vain(daemon):
    """A record of a process that lives on, relative to a directory that nobody names, does not keep its
    file from being removed."""
    s = connect(daemon)
    session = os.urandom(16)
    say_hello(s, hello(session), [])
    s.send(data(2, data(1, session) + data(4, slot(path("a", directory=4711)) + slot(path("/etc/hostname")))))
    wait_for("what was said with it", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    spool_file(daemon, entry([path("/etc/passwd")], application="other"))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    assert has_file(daemon.manifest("other@1"), "/etc/passwd")
    s.close()


def entry_cut_short_names_its_program(daemon):
    log = slot(path("/etc/passwd")) + slot(path("/etc/group"))
    session = os.urandom(16)
    daemon.kill()
    spool_file(daemon, entry([path("/etc/hosts")])
               + spool_entry(hello(session, executable="/usr/bin/true"), log[:len(log) // 2])
               + spool_entry(hello(session, executable="/usr/bin/true"), log)[:-5])
    daemon.start()
    wait_for("the whole entries", lambda: has_file(daemon.manifest(), "/etc/hosts"))
    assert daemon.stop() == 0
    assert re.findall(r"^gaps \{.*?^\}", daemon.manifest(), re.M | re.S) == [
        'gaps {\n  kind: "lost-records"\n  path: "/usr/bin/true"\n'
        '  detail: "a write to the spool was cut short"\n  count: 1\n}'], daemon.manifest()


def strange_files_are_put_away(daemon):
    os.mkfifo(daemon.spool + "/records.5")
    os.symlink("/etc/shadow", daemon.spool + "/records.6")
    spool_file(daemon, entry([path("/etc/passwd")]))
    wait_for("the entry", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert os.path.exists("/etc/shadow")
    wait_for("no strange files", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)


def folders_in_the_place_of_files(daemon):
    """They stay, and all else is as if they were not there: nothing has to be left for a successor."""
    folders = {"records.7", "taken.8"}
    for name in folders:
        os.makedirs("%s/%s/full" % (daemon.spool, name))
    Peer(daemon, [path("/etc/group")]).close()
    wait_for("what is said", lambda: has_file(daemon.manifest(), "/etc/group"))
    time.sleep(2.5)  # until the spool was looked at after that
    assert daemon.stop() == 0
    assert set(os.listdir(daemon.spool)) == {*folders, "reserve", "lock"}, os.listdir(daemon.spool)


def killed_process_and_killed_daemon(daemon):
    peer = Peer(daemon, [path("/etc/passwd")], users=1)
    peer.close()
    wait_for("journal or manifest", lambda: os.path.exists(daemon.spool + "/journal")
             or has_file(daemon.manifest(), "/etc/passwd"))
    daemon.kill()
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))


def a_journal_goes_while_others_end(daemon):
    """The journal is put aside and removed even if processes end all the time, so it does not grow
    forever."""
    turned, n, limit = set(), 0, time.monotonic() + LIMIT_SECONDS
    while len(turned) < 4 or n < 100:
        assert time.monotonic() < limit, "%s after %d" % (turned, n)
        for n in range(n + 1, n + 51):
            Peer(daemon, [path("/nowhere/%d/%d" % (n % 100, i), error=2) for i in range(40)]).close()
        turned |= {name for name in os.listdir(daemon.spool) if name.startswith("taken.")}
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    assert daemon.manifest().count("\nmissing {") == 4000


def a_journal_that_cannot_be_written(daemon):
    """Somebody is told what may be lost if the daemon is killed, too. It is not, so nothing is."""
    if not shutil.which("strace"):
        return
    daemon.kill()
    daemon.wrapper = ["strace", "-D", "-qq", "-f", "-o", "/dev/null", "-P", "journal", "-e", "trace=openat",
                      "-e", "inject=openat:error=ENOSPC"]
    daemon.start()
    for _ in range(3):
        Peer(daemon, [path("/etc/passwd")], users=1).close()
    wait_for("a word", lambda: "/journal: cannot be written: No space left" in daemon.stderr())
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert daemon.stop() == 0
    assert daemon.counter("journal entries that could not be written") == 3
    assert daemon.stderr().count("/journal: cannot be written") == 1
    assert "gaps {" not in daemon.manifest(), daemon.manifest()


def a_ledger_of_another_version(daemon):
    """What it counts is not known any more, and somebody is told."""
    Peer(daemon, [path("/etc/passwd")])
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    daemon.kill()
    with open(daemon.spool + "/counted", "r+b") as f:
        assert f.read(4)
        f.seek(0)
        f.write(b"LDG9")
    daemon.start()
    assert daemon.stop() == 0
    assert "/counted: not written by this version" in daemon.stderr(), daemon.stderr()


def memory_is_acknowledged_when_on_disk(daemon):
    peer = Peer(daemon, [path("/etc/passwd")])
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    assert has_file(daemon.manifest(), "/etc/passwd"), "acknowledged before it was on disk"


def what_waits_is_not_acknowledged(daemon):
    """A record relative to a directory that nobody has named yet: only its process can say it again."""
    peer = Peer(daemon, [path("/etc/passwd"), path("hostname", directory=directory_id(0, "/etc"))])
    wait_for("the file beside it", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    Peer(daemon, [path("/etc/group")]).close()
    wait_for("another manifest", lambda: has_file(daemon.manifest(), "/etc/group"))
    assert peer.acknowledged() == 0
    end = 64 + len(peer.hello) + -len(peer.hello) % 8 + len(peer.log)
    named = slot(path("/etc", LIST))
    os.pwrite(peer.memory, named, end)
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log + named))
    assert has_file(daemon.manifest(), "/etc/hostname")


def restart_continues(daemon):
    Peer(daemon, [path("/etc/passwd")]).close()
    assert daemon.stop() == 0
    assert sorted(os.listdir(daemon.spool)) == ["lock", "reserve"], os.listdir(daemon.spool)
    daemon.start()
    Peer(daemon, [path("/etc/group")]).close()
    assert daemon.stop() == 0
    manifest = daemon.manifest()
    assert has_file(manifest, "/etc/passwd") and has_file(manifest, "/etc/group")
    assert manifest.count("runs {") == 1 or manifest.count("runs {") == 2


def who_has_named_etc(daemon):
    """A process whose records are all acknowledged, and that is relative to a directory from now on."""
    peer = Peer(daemon, [path("/etc", LIST)])
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    return peer


def uses_etc(daemon, peer):
    """It leaves a record in the spool that is relative to that directory."""
    later = path("hostname", directory=directory_id(0, "/etc"))
    spool_file(daemon, entry([later], offset=len(peer.log), session=peer.session))


def is_understood(daemon, peer):
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "unresolved" not in daemon.manifest()
    peer.close()


def relative_records_after_a_restart(daemon):
    """A record after the restart is relative to a directory that was named in an acknowledged record."""
    peer = who_has_named_etc(daemon)
    daemon.kill()
    uses_etc(daemon, peer)
    daemon.start()
    is_understood(daemon, peer)


def what_was_kept_before_is_kept_again(daemon):
    """The daemon writes the file of directories anew when it has grown, but a process from before the restart
    may still come back."""
    peer = who_has_named_etc(daemon)
    daemon.kill()
    daemon.start()
    kept = daemon.spool + "/directories"
    before = os.stat(kept).st_ino
    folder = "/" + "/".join(["x" * 250] * 15)
    talker = Peer(daemon, [numbered(1 << 40 | i, "%s/%d" % (folder, i)) for i in range(2500)], size=12 << 20)
    wait_for("another file", lambda: os.stat(kept).st_ino != before, 30)
    talker.close()
    daemon.kill()
    uses_etc(daemon, peer)
    daemon.start()
    is_understood(daemon, peer)


def relative_records_long_after_a_restart(daemon):
    """The same of a process that says nothing for more than a minute."""
    peer = who_has_named_etc(daemon)
    daemon.kill()
    daemon.start()
    time.sleep(70)
    uses_etc(daemon, peer)
    is_understood(daemon, peer)


def prefixes_after_a_restart(daemon):
    """The same with a directory that was given a number."""
    peer = Peer(daemon, [numbered(7, "/usr/share"), below(7, "doc", LIST)])
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    daemon.kill()
    spool_file(daemon, entry([below(7, "no-such", error=2)], offset=len(peer.log), session=peer.session))
    daemon.start()
    wait_for("the path", lambda: 'path: "/usr/share/no-such"' in daemon.manifest())
    assert "unresolved" not in daemon.manifest()
    peer.close()


def many_files_of_one_process(daemon):
    """They are read in the order in which they were taken, also if there are more than are taken at a time (64):
    what is in one may need what is in one before."""
    session, later = os.urandom(16), range(1, 199)
    records = [numbered(7, "/usr/share")] + [below(7, "no-such-%d" % i, error=2) for i in later]
    daemon.kill()
    for base in range(1000, 11000, 1000):  # until the first comes late in the directory
        names = ["taken.%d" % (base + i) for i in range(len(records))]
        for i, name in enumerate(names):
            spool_file(daemon, entry([records[i]], session=session, offset=i * 64), name)
        if [name for name in os.listdir(daemon.spool) if name in names].index(names[0]) >= 64:
            break
        for name in names:
            os.remove(daemon.spool + "/" + name)
    daemon.start()
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES, 60)
    assert daemon.manifest().count('path: "/usr/share/no-such-') == len(later)
    assert "unresolved" not in daemon.manifest()


def relative_records_by_the_spool_alone(daemon, end=Daemon.kill):
    """The same of a process that nobody has met: the directory was named in a file that is gone."""
    session, named = os.urandom(16), path("/etc", LIST)
    spool_file(daemon, entry([named], session=session))
    wait_for("the directory", lambda: has_file(daemon.manifest(), "/etc"))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    end(daemon)
    later = path("hostname", directory=directory_id(0, "/etc"))
    spool_file(daemon, entry([later], offset=len(slot(named)), session=session))
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "unresolved" not in daemon.manifest()


def directories_that_cannot_be_kept(daemon):
    """Their names stand in the spool alone as long as no other file takes them: it stays."""
    if not shutil.which("strace"):
        return
    session, named = os.urandom(16), path("/etc", LIST)
    daemon.kill()
    spool_file(daemon, entry([named], session=session))
    daemon.wrapper = ["strace", "-D", "-qq", "-f", "-o", "/dev/null", "-P", daemon.spool + "/directories",
                      "-e", "inject=writev:error=ENOSPC"]
    daemon.start()
    wait_for("the directory", lambda: has_file(daemon.manifest(), "/etc"))
    Peer(daemon, [path("/etc/passwd")], application="other").close()
    wait_for("another manifest", lambda: has_file(daemon.manifest("other@1"), "/etc/passwd"))
    assert os.path.exists(daemon.spool + "/taken.1")
    daemon.kill()
    daemon.wrapper = ()
    later = path("hostname", directory=directory_id(0, "/etc"))
    spool_file(daemon, entry([later], offset=len(slot(named)), session=session))
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "unresolved" not in daemon.manifest()
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)


def a_file_that_is_read_in_pieces(daemon):
    """An entry that stands across the end of one of them is no damage."""
    filling = slot(bytes(12 << 10), VOID) * 80
    spool_file(daemon, b"".join(spool_entry(hello(os.urandom(16)), slot(path("/etc/%s" % name)) + filling)
                                for name in ["passwd"] * 20 + ["group"]))
    wait_for("the last entry", lambda: has_file(daemon.manifest(), "/etc/group"))
    assert daemon.stop() == 0
    assert daemon.counter("spool entries read") == 21 and "gaps {" not in daemon.manifest()


def relative_records_after_a_stop(daemon):
    """A daemon that was stopped, and has nothing left to read, does not know whether that process lives."""
    relative_records_by_the_spool_alone(daemon, Daemon.stop)


def restart_while_a_process_is_away(daemon):
    """A process that lives on comes back when it has something to say, which may be after a daemon that was
    stopped before it did."""
    peer = Peer(daemon, [path("/etc", LIST)])
    wait_for("the acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    daemon.stop()
    peer.close()
    for _ in range(2):
        daemon.start()
        daemon.stop()
    daemon.start()
    again = connect(daemon)
    say_hello(again, peer.hello, [])
    again.send(batch(peer.session, slot(path("hostname", directory=directory_id(0, "/etc"))), len(peer.log)))
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "unresolved" not in daemon.manifest()
    again.close()


def another_fork_goes_on(daemon):
    """Forks that have lost their connection come back one by one. One of them has said all and has ended, but
    another leaves a record that is relative to what that one has named."""
    session, named = os.urandom(16), slot(path("/etc", LIST))
    spool_file(daemon, spool_entry(hello(session), named))
    s = connect(daemon)
    say_hello(s, hello(session), [])
    s.send(batch(session, named))
    s.close()
    wait_for("the directory", lambda: has_file(daemon.manifest(), "/etc"))
    assert daemon.stop() == 0
    later = path("hostname", directory=directory_id(0, "/etc"))
    spool_file(daemon, entry([later], offset=len(named), session=session))
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "unresolved" not in daemon.manifest()


def named_in_the_spool_just_before_the_end(daemon):
    """A process that ends puts what it has not said into the spool, and then closes its connection."""
    peer = Peer(daemon, [path("/etc/passwd")])
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    peer.close()
    daemon.kill()
    daemon.start()
    Peer(daemon, [path("/etc/group")]).close()
    wait_for("another manifest", lambda: has_file(daemon.manifest(), "/etc/group"))
    named, later = slot(path("/etc", LIST)), slot(path("hostname", directory=directory_id(0, "/etc")))
    again = connect(daemon)
    say_hello(again, peer.hello, [])
    again.send(batch(peer.session, later, len(peer.log) + len(named)))
    spool_file(daemon, spool_entry(peer.hello, named, offset=len(peer.log)))
    again.close()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    assert "unresolved" not in daemon.manifest()


def records_by_value(daemon):
    """A process without shared memory sends slots in packets, and some of them again when they have
    changed."""
    session = os.urandom(16)
    s = connect(daemon)
    say_hello(s, hello(session), [])
    first = slot(path("/etc/passwd")) + slot(path("/etc/group"), CLAIMED)
    failed = slot(execute("/usr/bin/ls"), EXEC)
    s.send(batch(session, first + failed))
    s.send(batch(session, slot(path("/etc/group")), len(slot(path("/etc/passwd")))))
    s.send(batch(session, slot(execute("/usr/bin/ls"), VOID), len(first)))
    s.send(batch(session, slot(execute("/usr/bin/dash"), EXEC), len(first + failed)))
    s.send(batch(session, slot(path("/etc/passwd"))))
    s.close()
    wait_for("the exec", lambda: has_file(daemon.manifest(), "/usr/bin/dash"))
    assert daemon.stop() == 0
    manifest = daemon.manifest()
    assert has_file(manifest, "/etc/group"), "a slot that was finished later"
    assert not has_file(manifest, "/usr/bin/ls"), "an exec that failed"
    assert "records: 3\n" in manifest, manifest[:400]


def a_connection_that_was_lost(daemon):
    """A process that lives on has lost its connection (it has closed all descriptors by raw system calls).
    What it records next comes by value, by the spool, or by its memory once more, which had been read
    to its end."""
    ways = {"value": ["/etc/group"], "spool": ["/etc/hosts"], "memory": ["/etc/hostname"]}
    for way, later in ways.items():
        peer = Peer(daemon, [path("/etc/passwd")], application=way)
        unfinished = slot(path("/etc/fstab"), CLAIMED)
        end = 64 + len(peer.hello) + -len(peer.hello) % 8 + len(peer.log)
        os.pwrite(peer.memory, unfinished, end)
        peer.socket.close()
        wait_for("the end of the run", lambda: "ended_ns" in daemon.manifest(way + "@1"))
        rest = slot(path("/etc/fstab")) + slot(path(later[0])) + slot(execute("/usr/bin/dash"), EXEC)
        os.pwrite(peer.memory, rest, end)
        again = connect(daemon)
        if way == "spool":
            spool_file(daemon, spool_entry(peer.hello, peer.log + rest))
        elif way == "memory":
            say_hello(again, peer.hello, [peer.memory])
        else:
            say_hello(again, peer.hello, [])
            again.send(batch(peer.session, peer.log + rest))
        again.close()
        for file in ["/etc/passwd", "/etc/fstab", "/usr/bin/dash"] + later:
            wait_for(way + " " + file, lambda: has_file(daemon.manifest(way + "@1"), file), 8)
        wait_for("all counted once", lambda: "records: 4\n" in daemon.manifest(way + "@1"))
        assert "gaps {" not in daemon.manifest(way + "@1")


def unknown_directory_is_a_gap(daemon):
    Peer(daemon, [path("x", directory=12345), below(4, "y"), path("/etc/passwd")]).close()
    wait_for("the gaps", lambda: re.search('kind: "unresolved"(\n.*){1,4}count: 2\n', daemon.manifest()))
    assert has_file(daemon.manifest(), "/etc/passwd")


def a_directory_that_was_replaced(daemon):
    """A process holds a directory whose name is a file's by now."""
    file = daemon.directory + "/replaced"
    open(file, "w").close()
    peer = Peer(daemon, [path(file, LIST)])
    wait_for("the acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    later = slot(path("inside", error=2, directory=directory_id(0, file)))
    os.pwrite(peer.memory, later, 64 + len(peer.hello) + -len(peer.hello) % 8 + len(peer.log))
    peer.close()
    wait_for("the path", lambda: file + "/inside" in daemon.manifest())
    assert "unresolved" not in daemon.manifest()


def unreadable_manifest_is_put_aside(daemon):
    with open(daemon.manifests + "/app@1.footprint", "wb") as f:
        f.write(b"not a manifest")
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the file", lambda: "unreadable" in str(os.listdir(daemon.manifests))
             and has_file(daemon.manifest(), "/etc/passwd"))
    assert 'kind: "lost-records"' in daemon.manifest()


def full_disk(daemon):
    """ENOSPC for manifests: the old one stays, and everything is written when there is space again."""
    mount = daemon.directory + "/small"
    os.mkdir(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", mount],
                      stderr=subprocess.DEVNULL).returncode:
        print("skipped full_disk: cannot mount")
        return
    small = Daemon(manifests=mount)
    try:
        Peer(small, [path("/etc/passwd")]).close()
        wait_for("the first", lambda: has_file(small.manifest(), "/etc/passwd"))
        filler = os.open(mount + "/filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, bytes(4096)):
                pass
        except OSError:
            os.close(filler)
        many = [path("/etc/missing-%d-%s" % (i, os.urandom(20).hex()), error=2) for i in range(400)]
        peer = Peer(small, many)
        wait_for("a failure", lambda: "cannot be written" in small.stderr())
        assert has_file(small.manifest(), "/etc/passwd"), "the old manifest is damaged"
        assert peer.acknowledged() == 0
        os.unlink(mount + "/filler")
        wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log))
        assert small.manifest().count("missing {") == 400
        assert small.stderr().count("cannot be written") == 1, "reported more than once"
    finally:
        small.remove()
        subprocess.run(["umount", mount])


def another_user_goes_on(daemon):
    """A server that gives up root leaves its records in another user's spool file, and says hello as that
    user."""
    session = os.urandom(16)
    records = [path("/usr/lib/as-%s" % user, error=2) for user in ("root", "nobody", "nobody-again")]
    logs = [slot(r) for r in records]
    daemon.kill()
    spool_file(daemon, spool_entry(hello(session), logs[0]))
    spool_file(daemon, spool_entry(hello(session), logs[1], len(logs[0])), "records.65534")
    os.chown(daemon.spool + "/records.65534", 65534, 65534)
    daemon.start()
    wait_for("both", lambda: daemon.manifest().count("missing {") == 2)
    os.chmod(daemon.directory, 0o755)
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        s = connect(daemon)
        say_hello(s, hello(session), [])
        s.send(batch(session, logs[2], len(logs[0]) + len(logs[1])))
        os._exit(0)
    os.waitpid(child, 0)
    wait_for("what it said afterwards", lambda: daemon.manifest().count("missing {") == 3)
    assert "gaps {" not in daemon.manifest(), daemon.manifest()


def entries_that_are_refused_are_gaps(daemon):
    """Entries that the daemon does not understand are gaps of all sessions with entries in the same file."""
    spool_file(daemon, spool_entry(hello(os.urandom(16), protocol=3), slot(path("/etc/passwd")))
               + entry([path("/etc/group")]))
    wait_for("the other", lambda: has_file(daemon.manifest(), "/etc/group"))
    wait_for("the gap", lambda: 'kind: "lost-records"' in daemon.manifest())


def names_that_others_have_taken(daemon):
    """Everybody may make files in the spool, but cannot obstruct the daemon by taking its own file names
    first. (For root, that depends on fs.protected_regular; test_unprivileged.py has the rest.)"""
    daemon.kill()
    own = ["journal", "directories", "counted", "counted.new", "directories.new", "reserve", "lock"]
    for name in own:
        if os.path.exists(daemon.spool + "/" + name):
            os.unlink(daemon.spool + "/" + name)
        with open(daemon.spool + "/" + name, "w") as file:
            file.write("mine")
        os.chown(daemon.spool + "/" + name, 65534, 65534)
    daemon.start()
    peer = Peer(daemon, [path("/etc/passwd")])
    wait_for("an acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    peer.close()
    for name in ("directories", "counted", "reserve", "lock"):
        assert os.stat(daemon.spool + "/" + name).st_uid == os.geteuid(), name


def a_file_of_nothing(daemon):
    """A sparse file of a terabyte: nobody waits for it, and the daemon can end. What may have stood there is a gap."""
    daemon.kill()
    with open(daemon.spool + "/records.65534", "wb") as file:
        file.write(entry([path("/etc/group")]))
        file.truncate(1 << 40)
    os.chown(daemon.spool + "/records.65534", 65534, 65534)
    spool_file(daemon, entry([path("/etc/passwd")]))
    daemon.start()
    wait_for("both", lambda: has_file(daemon.manifest(), "/etc/passwd") and has_file(daemon.manifest(), "/etc/group"))
    assert daemon.stop() == 0
    assert 'detail: "damaged spool entries"' in daemon.manifest(), daemon.manifest()


def entries_that_overlap(daemon):
    """Each header claims everything behind it. Others do not wait until all of that has been checked."""
    size = (16 << 20) // 48 * 48
    for making, name in (b"m", "records.65533"), (b"F", "records.65534"):
        spool_file(daemon, b"".join(struct.pack("<8sIIQQQII", making + b"RPTLOG3", 0, size - at - 48, 0, 1, 0, 1, 0)
                                    for at in range(0, size, 48)), name)
    begun = time.monotonic()
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("somebody else's", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert time.monotonic() - begun < 15, time.monotonic() - begun
    assert daemon.stop() == 0


def a_file_that_cannot_be_read(daemon):
    """The file stays where it is, and all current runs get a gap."""
    daemon.kill()
    if not shutil.which("strace"):
        return
    spool_file(daemon, entry([path("/etc/passwd")]))
    daemon.wrapper = ["strace", "-D", "-f", "-o", "/dev/null", "-P", daemon.spool + "/taken.1", "-e",
                      "inject=pread64:error=EIO"]
    daemon.start()
    wait_for("a word about it", lambda: "taken.1: cannot be read: Input/output error" in daemon.stderr())
    Peer(daemon, [path("/etc/group")]).close()
    wait_for("the gap", lambda: "spool files that could not be read" in daemon.manifest())
    assert daemon.stop() == 0
    assert daemon.counter("times that spool files could not be read") == 1
    daemon.wrapper = ()
    daemon.start()
    wait_for("what it held", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)


def a_file_that_cannot_be_opened_now(daemon):
    """Taken with the last descriptor but one: it is opened later, and not by the next daemon only."""
    if not shutil.which("strace"):
        return
    for name in "records.0", "taken.41":
        daemon.kill()
        spool_file(daemon, entry([path("/etc/passwd")], application=name), name)
        taken = "taken.1" if name == "records.0" else name
        daemon.wrapper = ["strace", "-D", "-qq", "-f", "-o", daemon.directory + "/trace", "-P", taken,
                          "-e", "trace=openat", "-e", "inject=openat:error=EMFILE:when=1"]
        daemon.start()
        wait_for("the file", lambda: has_file(daemon.manifest(name + "@1"), "/etc/passwd"))
        with open(daemon.directory + "/trace") as f:
            assert "EMFILE" in f.read(), "it was opened at once: this tests nothing"


def a_root_that_cannot_be_held_now(daemon):
    """No descriptor was left for it: what is said in it waits, and is not taken for damaged."""
    if not shutil.which("strace"):
        return
    daemon.kill()
    spool_file(daemon, entry([path("/etc/passwd")]))
    daemon.wrapper = ["strace", "-D", "-qq", "-f", "-o", daemon.directory + "/trace", "-P", "/",
                      "-e", "trace=fcntl", "-e", "inject=fcntl:error=EMFILE:when=1"]
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    with open(daemon.directory + "/trace") as f:
        assert "EMFILE" in f.read(), "it was held at once: this tests nothing"
    assert daemon.stop() == 0
    assert "gaps {" not in daemon.manifest(), daemon.manifest()


def a_file_that_stays_locked(daemon):
    """A process was stopped while it wrote: what is there is read, and what it writes later, too."""
    daemon.kill()
    whole, torn = entry([path("/etc/passwd")]), entry([path("/etc/group")])
    spool_file(daemon, whole + torn[:-9])
    lock = os.open(daemon.spool + "/records.0", os.O_WRONLY | os.O_APPEND)
    fcntl.flock(lock, fcntl.LOCK_SH)
    daemon.start()
    wait_for("what is written", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert not set(os.listdir(daemon.spool)) <= OWN_FILES, "the file is gone, though somebody may write to it"
    os.write(lock, torn[-9:])
    wait_for("the rest", lambda: has_file(daemon.manifest(), "/etc/group"))
    os.write(lock, entry([path("/etc/hosts")]))
    os.close(lock)
    wait_for("the last", lambda: has_file(daemon.manifest(), "/etc/hosts"))
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    assert daemon.stop() == 0
    assert "gaps {" not in daemon.manifest(), daemon.manifest()


def an_entry_that_is_just_being_written(daemon):
    """A process finishes its entry in the moment in which the daemon looks at the file and locks it."""
    if not shutil.which("strace"):
        return
    daemon.kill()
    spool_file(daemon, entry([path("/etc/passwd")]))
    lock = os.open(daemon.spool + "/records.0", os.O_WRONLY | os.O_APPEND)
    fcntl.flock(lock, fcntl.LOCK_SH)
    daemon.wrapper = ["strace", "-D", "-qq", "-f", "-o", "/dev/null", "-P", daemon.spool + "/taken.1",
                      "-e", "inject=flock:delay_enter=1000000"]
    daemon.start()
    wait_for("the file taken", lambda: os.path.exists(daemon.spool + "/taken.1"))
    time.sleep(0.3)
    os.write(lock, entry([path("/etc/group")]))
    os.close(lock)
    wait_for("an empty spool", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/passwd") and has_file(daemon.manifest(), "/etc/group")


def many_files_of_somebody_hostile(daemon):
    """They are locked, or have names that no file of ours can have. The files of others are read
    nevertheless."""
    daemon.kill()
    os.chmod(daemon.directory, 0o755)
    locks = []
    for number in range(1000, 1600):
        name = "records.%d" % number if number % 2 else "taken.%040d" % number
        spool_file(daemon, entry([path("/etc/hosts")]), name)
        os.chown(daemon.spool + "/" + name, 65534, 65534)
        locks.append(os.open(daemon.spool + "/" + name, os.O_RDONLY))
        fcntl.flock(locks[-1], fcntl.LOCK_SH)
    daemon.start()
    time.sleep(1.5)  # all of them have had their turn
    spool_file(daemon, entry([path("/etc/passwd")], application="other"))
    wait_for("somebody else's", lambda: has_file(daemon.manifest("other@1"), "/etc/passwd"))
    for lock in locks:
        os.close(lock)
    wait_for("fewer of them", lambda: not [name for name in os.listdir(daemon.spool)
                                           if name.startswith("records.")])


def a_file_that_is_locked_at_the_end(daemon):
    """The manifest has what is in the file, which is left for the next daemon."""
    daemon.kill()
    spool_file(daemon, entry([path("/etc/passwd")]))
    lock = os.open(daemon.spool + "/records.0", os.O_WRONLY | os.O_APPEND)
    fcntl.flock(lock, fcntl.LOCK_SH)
    daemon.start()
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/passwd")
    os.write(lock, entry([path("/etc/group")]))
    os.close(lock)
    daemon.start()
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/group") and set(os.listdir(daemon.spool)) <= OWN_FILES


def nonsense_in_the_reserve(daemon):
    """Everybody may write there. It is nobody's gap, its slot is free again, and the words of others are read;
    a file that somebody has cut off is made whole by the next daemon."""
    reserve = daemon.spool + "/reserve"
    size = os.stat(reserve).st_size
    with open(reserve, "r+b") as f:
        f.seek(5 * RESERVE_SLOT)
        f.write(os.urandom(RESERVE_SLOT))
        f.seek(7 * RESERVE_SLOT)
        f.write(lost_entry(hello(os.urandom(16)), 3))
    wait_for("the word", lambda: 'kind: "lost-records"' in daemon.manifest())
    with open(reserve, "rb") as f:
        wait_for("free slots", lambda: not any(os.pread(f.fileno(), size, 0)))
    os.truncate(reserve, 3 * RESERVE_SLOT + 100)
    assert daemon.stop() == 0
    assert daemon.counter("spool entries damaged") == 1
    lost = re.findall(r"^gaps \{.*?^\}", daemon.manifest(), re.M | re.S)
    assert len(lost) == 1 and "  count: 3\n" in lost[0], lost
    daemon.start()
    assert os.stat(reserve).st_size == size
    assert daemon.stop() == 0
    assert 'count: 3\n' in daemon.manifest(), "told again"


def a_lock_of_somebody_else(daemon):
    """Everybody may open the folder, and lock it. That must not lock out a daemon."""
    daemon.kill()
    folder = os.open(daemon.spool, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    daemon.start()
    os.close(folder)


def another_daemon_on_the_same_spool(daemon):
    other = subprocess.run([BUILD + "/footprintd", "--socket", daemon.directory + "/other", "--spool", daemon.spool,
                            "--manifests", daemon.directory + "/others"], stderr=subprocess.PIPE, text=True,
                           timeout=LIMIT_SECONDS)
    assert other.returncode and "in use by another footprintd" in other.stderr, other


def hundred_thousand_paths(daemon):
    """With 100,000 distinct paths, memory stays below 200 MB, and what the work has taken is given back."""
    for part in range(10):
        many = [path("/usr/lib/none-%d/some/longer/name/of/a/file-%d" % (i % 1000, part * 10000 + i),
                     error=2) for i in range(10000)]
        Peer(daemon, many, size=4 << 20).close()
    assert daemon.memory_kib() < 200 << 10
    started = time.monotonic()
    wait_for("all of them", lambda: daemon.manifest().count("\nmissing {") == 100000)
    print("100,000 paths: %d MiB, %.1f s" % (daemon.memory_kib() >> 10, time.monotonic() - started))
    assert daemon.memory_kib() < 200 << 10, daemon.memory_kib()
    wait_for("memory given back", lambda: daemon.memory_kib("VmRSS") < 0.7 * daemon.memory_kib(), 10)


if __name__ == "__main__":
    run([files_left_while_away, who_began_without_a_spool, torn_entries, entries_cut_short_by_a_kill,
         execution_that_had_not_settled, execution_that_had_not_settled_in_a_memory, record_that_waits_in_vain,
         entry_cut_short_names_its_program, strange_files_are_put_away, killed_process_and_killed_daemon,
         a_journal_goes_while_others_end, a_journal_that_cannot_be_written, a_ledger_of_another_version,
         memory_is_acknowledged_when_on_disk, what_waits_is_not_acknowledged,
         restart_continues, relative_records_after_a_restart, many_files_of_one_process,
         relative_records_by_the_spool_alone, relative_records_after_a_stop, restart_while_a_process_is_away,
         another_fork_goes_on, named_in_the_spool_just_before_the_end, directories_that_cannot_be_kept,
         a_file_that_is_read_in_pieces, records_by_value, a_connection_that_was_lost, unknown_directory_is_a_gap,
         a_directory_that_was_replaced, prefixes_after_a_restart, what_was_kept_before_is_kept_again,
         *([relative_records_long_after_a_restart] if os.environ.get("FOOTPRINT_TEST_LONG") == "1" else []),
         another_user_goes_on, entries_that_are_refused_are_gaps, names_that_others_have_taken, a_file_of_nothing,
         entries_that_overlap, a_file_that_cannot_be_read, a_file_that_cannot_be_opened_now,
         a_root_that_cannot_be_held_now, a_file_that_stays_locked, an_entry_that_is_just_being_written,
         many_files_of_somebody_hostile, a_file_that_is_locked_at_the_end, nonsense_in_the_reserve,
         a_lock_of_somebody_else, another_daemon_on_the_same_spool, unreadable_manifest_is_put_aside, full_disk,
         hundred_thousand_paths, folders_in_the_place_of_files])

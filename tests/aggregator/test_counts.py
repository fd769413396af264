#!/usr/bin/env python3
"""Counts when a daemon is killed: what comes again is counted once, and a run gets an end."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

FIRST = [path("/etc/passwd"), path("/etc/none", error=2)]
LATER = [path("/etc/group"), path("/etc/hosts")]
MANY, AT_ONCE = 5000, 4096  # executions, and how many of them the daemon looks at again at a time


def log_of(records):
    return b"".join(slot(record) for record in records)


def leave(daemon, peer, records, offset=0, uid=0):
    """Puts the peer's log into the spool, from `offset` on."""
    append_to_spool(daemon, spool_entry(peer.hello, log_of(records), offset), "records.%d" % uid)


def runs(daemon):
    """For each run: processes, records, and whether it has an end."""
    manifest = daemon.manifest()
    return [tuple(int(re.search(r"^  %s: (\d+)" % field, run, re.M).group(1)) if field in run else 0
                  for field in ("processes", "records")) + ("ended_ns" in run,)
            for run in re.findall(r"^runs \{\n(.*?)^\}", manifest, re.M | re.S)]


def images(daemon):
    found = re.search(r'^executables \{\n  path: "/usr/bin/env"\n.*?^  runs: (\d+)', daemon.manifest(),
                      re.M | re.S)
    return int(found.group(1)) if found else 0


def connected(daemon, records=FIRST):
    """A peer that was connected until everything that it said was on disk."""
    peer = Peer(daemon, records, started=time.time_ns())
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    return peer


def said_again_in_the_spool(daemon):
    peer = connected(daemon)
    daemon.kill()
    leave(daemon, peer, FIRST + LATER)
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/group"))
    daemon.kill()
    leave(daemon, peer, FIRST + LATER)
    daemon.start()
    peer.close()
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(1, 4, True)], 1), (runs(daemon), images(daemon))


def said_again_two_daemons_later(daemon):
    """What was counted is remembered by one that has heard nothing of the session."""
    peer = connected(daemon)
    daemon.kill()
    daemon.start()
    daemon.kill()
    leave(daemon, peer, FIRST + LATER)
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/group"))
    peer.close()
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(1, 4, True)], 1), (runs(daemon), images(daemon))


def said_again_of_several_snapshots(daemon):
    """Each tells what is new in it, and all of them count."""
    said = FIRST, LATER
    peers = [connected(daemon, records) for records in said]
    daemon.kill()
    for peer, records in zip(peers, said):
        leave(daemon, peer, records)
    daemon.start()
    wait_for("the spool read", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    for peer in peers:
        peer.close()
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(2, 4, True)], 2), (runs(daemon), images(daemon))


def said_again_by_value(daemon):
    peer = connected(daemon)
    daemon.kill()
    daemon.start()
    s = connect(daemon)
    say_hello(s, peer.hello, [])
    s.send(data(2, data(1, peer.session) + data(4, log_of(FIRST + LATER))))
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/group"))
    s.close()
    peer.close()
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(1, 4, True)], 1), (runs(daemon), images(daemon))


def said_by_value_and_then_in_memory(daemon, killed=False):
    """By a process that had no memory to share at first; and where a daemon before this one has counted what
    stands in the memory, and this one has heard the rest by value."""
    session, began = os.urandom(16), time.time_ns()
    h, log, first = hello(session, started=began), log_of(FIRST + LATER), log_of(FIRST)
    s = connect(daemon)
    say_hello(s, h, [])
    s.send(batch(session, first))
    wait_for("the first", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    if killed:
        daemon.kill()
        daemon.start()
        s = connect(daemon)
        say_hello(s, h, [])
        s.send(batch(session, log[len(first):], len(first)))
    say_hello(s, h, [memory(log, h)])
    wait_for("the rest", lambda: has_file(daemon.manifest(), "/etc/group"))
    s.close()
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(1, 4, True)], 1), (runs(daemon), images(daemon))


def said_by_value_and_then_in_memory_to_another(daemon):
    said_by_value_and_then_in_memory(daemon, killed=True)


def segments_that_come_back_one_at_a_time(daemon):
    """What was counted of segments that have not come back yet is remembered by the next aggregator, too."""
    session, began = os.urandom(16), time.time_ns()

    def leave_segment(number, records):
        with open(daemon.directory + "/being-written", "wb") as f:
            f.write(spool_entry(hello(session, segment=number, started=began), log_of(records)))
        os.rename(f.name, daemon.spool + "/records.0")
        wait_for("the file read", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)

    leave_segment(0, FIRST)
    leave_segment(1, LATER)
    daemon.kill()
    daemon.start()
    leave_segment(1, LATER + [path("/etc/hostname")])
    assert has_file(daemon.manifest(), "/etc/hostname")
    daemon.kill()
    daemon.start()
    leave_segment(0, FIRST)
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(1, 5, True)], 1), (runs(daemon), images(daemon))


def exec_that_had_not_settled(daemon):
    """The execution was not counted together with its neighbours; it is when it comes again."""
    peer = Peer(daemon, FIRST, started=time.time_ns())
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    log = peer.log + slot(execute("/usr/bin/dash"), EXEC)
    os.pwrite(peer.memory, log[len(peer.log):], 64 + len(peer.hello) + -len(peer.hello) % 8
              + len(peer.log))
    daemon.kill()
    append_to_spool(daemon, spool_entry(peer.hello, log))
    daemon.start()
    wait_for("the program", lambda: has_file(daemon.manifest(), "/usr/bin/dash"))
    peer.close()
    assert daemon.stop() == 0
    assert runs(daemon) == [(1, 3, True)], runs(daemon)


def executions_that_had_not_settled(daemon):
    """Executions of a loop that went on while nobody listened come by value; what else was counted is
    known to be between them."""
    session, began = os.urandom(16), time.time_ns()
    log = slot(FIRST[0]) + slot(execute("/usr/bin/dash"), EXEC) * MANY + slot(LATER[0])
    first, piece = len(slot(FIRST[0])), 1000 * len(slot(execute("/usr/bin/dash")))
    pieces = [0, *range(first, len(log), piece), len(log)]
    for last in (False, True):
        s = connect(daemon)
        say_hello(s, hello(session, started=began), [])
        for at, end in zip(pieces, pieces[1:]):
            s.send(data(2, data(1, session) + fixed(3, at) + data(4, log[at:end])))
        wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/group"))
        if not last:
            daemon.kill()
            daemon.start()
        s.close()
    assert daemon.stop() == 0
    assert runs(daemon) == [(1, MANY + 2, True)], runs(daemon)


def executions_that_settle_later(daemon):
    """The same in a memory that is read while the process goes on; where the daemon stops reading, another
    record is being written."""
    peer = Peer(daemon, [], size=MANY * 64, started=time.time_ns())
    execution, unfinished = slot(execute("/usr/bin/dash"), EXEC), slot(LATER[1], CLAIMED)
    log = execution * AT_ONCE + unfinished + execution * (MANY - AT_ONCE) + slot(LATER[0])
    os.pwrite(peer.memory, log, 64 + len(peer.hello) + -len(peer.hello) % 8)
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/group"))
    daemon.kill()
    append_to_spool(daemon, spool_entry(peer.hello, log))
    daemon.start()
    peer.close()
    assert daemon.stop() == 0
    assert runs(daemon) == [(1, MANY + 1, True)], runs(daemon)
    assert "dropped-session" not in daemon.manifest()


def slots_that_are_complete_later(daemon):
    """Seen in a memory before they were: what was still being written, and executions that come to nothing.
    An execution stands for done when nobody has taken it back for a second: if this takes as long, again."""
    slots = [(path("/etc/group"), CLAIMED, READY), (execute("/usr/bin/ls"), EXEC, VOID),
             (execute("/usr/bin/dash"), CLAIMED, EXEC), (path("/etc/hosts"), CLAIMED, VOID),
             (path("/etc/passwd"), READY, READY)]
    first, last = (b"".join(slot(each[0], each[when]) for each in slots) for when in (1, 2))
    making = slot(path("/etc/not-y"), CLAIMED)  # a record in the making may say anything
    first = making + first[len(making):]
    for name in map(str, range(10)):
        peer = Peer(daemon, [], application=name)
        at = 64 + len(peer.hello) + -len(peer.hello) % 8
        began = time.monotonic()
        os.pwrite(peer.memory, first, at)
        while not has_file(daemon.manifest(name + "@1"), "/etc/passwd"):
            began = time.monotonic()
        acknowledged = peer.acknowledged()
        os.pwrite(peer.memory, making + last[len(making):], at)
        if time.monotonic() - began < 0.7:
            break
        peer.close()
    wait_for("the execution", lambda: has_file(daemon.manifest(name + "@1"), "/usr/bin/dash"))
    assert acknowledged == peer.acknowledged() == 0, "acknowledged before it was complete"
    os.pwrite(peer.memory, last, at)
    wait_for("the last", lambda: has_file(daemon.manifest(name + "@1"), "/etc/group"))
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(last))
    for file in "/usr/bin/ls", "/etc/hosts", "/etc/not-y":
        assert not has_file(daemon.manifest(name + "@1"), file), file
    peer.close()


def manifest_that_was_not_replaced(daemon):
    """What was about to be counted when the daemon died is counted by the next one, because the manifest
    on disk is still the old one."""
    first = connected(daemon)
    file, before = daemon.manifests + "/app@1.footprint", daemon.directory + "/before"
    os.link(file, before)
    second = connected(daemon, LATER)
    wait_for("the other manifest", lambda: not os.path.samefile(file, before))
    daemon.kill()
    os.rename(before, file)
    assert runs(daemon) == [(1, 2, False)], runs(daemon)
    for i, peer in enumerate((first, second)):
        leave(daemon, peer, (FIRST, LATER)[i])
    daemon.start()
    wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/group"))
    first.close()
    second.close()
    assert daemon.stop() == 0
    assert (runs(daemon), images(daemon)) == ([(2, 4, True)], 2), (runs(daemon), images(daemon))


def run_of_two_hosts(daemon):
    """It is named after the session that began it, also where that one is heard later."""
    daemon.kill()
    with open(daemon.spool + "/records.0", "wb") as f:
        for host, started in ("later", 2000), ("first", 1000):
            f.write(spool_entry(hello(os.urandom(16), started=started) + data(13, host), log_of(FIRST)))
    daemon.start()
    assert daemon.stop() == 0
    run = re.search(r"^runs \{\n(.*?)^\}", daemon.manifest(), re.M | re.S).group(1)
    assert len(runs(daemon)) == 1 and 'host: "first"' in run and "started_ns: 1000\n" in run, run


def first_program_that_turns_up_late(daemon):
    """After a daemon that was killed, an earlier session of the run may stand in the spool yet: until its end
    nobody is said to have begun it."""
    daemon.kill()
    daemon.start()
    began = time.time_ns()
    later = Peer(daemon, FIRST, started=began + 1, executable="/usr/bin/dash")
    wait_for("acknowledgement", lambda: later.acknowledged() == len(later.log))
    with open(daemon.directory + "/being-written", "wb") as f:
        f.write(spool_entry(hello(os.urandom(16), started=began), log_of([execute("/usr/bin/dash")])))
    os.rename(f.name, daemon.spool + "/records.0")
    wait_for("the spool read", lambda: set(os.listdir(daemon.spool)) <= OWN_FILES)
    later.close()
    assert daemon.stop() == 0
    programs = re.findall(r"^executables \{\n(.*?)^\}", daemon.manifest(), re.M | re.S)
    first = [re.search('path: "(.*)"', program).group(1) for program in programs if "first: true" in program]
    assert first == ["/usr/bin/env"], first


def application_that_never_returns(daemon):
    """The run ends at the time when the application was last seen."""
    peer = connected(daemon)
    assert not runs(daemon)[0][2], "the run has an end while it goes on"
    daemon.kill()
    peer.close()
    killed = time.time_ns()
    time.sleep(0.2)
    daemon.start()
    assert daemon.stop() == 0
    assert runs(daemon) == [(1, 2, True)], runs(daemon)
    ended = int(re.search(r"ended_ns: (\d+)", daemon.manifest()).group(1))
    assert 0 < killed - ended < 30e9, "ended %d ns before the kill" % (killed - ended)
    # Nobody knows that none of its processes lives on.
    assert set(os.listdir(daemon.spool)) <= OWN_FILES, os.listdir(daemon.spool)


def late_word_of_a_run_that_has_ended(daemon):
    """A late spool entry of a session of that run begins no new run."""
    peer = connected(daemon)
    other = connected(daemon, LATER)
    peer.close()
    other.close()
    assert daemon.stop() == 0
    leave(daemon, other, LATER + FIRST)
    daemon.start()
    wait_for("the entry", lambda: not os.path.exists(daemon.spool + "/records.0"))
    assert daemon.stop() == 0
    assert len(runs(daemon)) == 1, runs(daemon)


run([said_again_in_the_spool, said_again_two_daemons_later, said_again_of_several_snapshots,
     said_again_by_value, said_by_value_and_then_in_memory, said_by_value_and_then_in_memory_to_another,
     exec_that_had_not_settled,
     executions_that_had_not_settled, executions_that_settle_later, slots_that_are_complete_later,
     segments_that_come_back_one_at_a_time, manifest_that_was_not_replaced,
     application_that_never_returns, run_of_two_hosts, first_program_that_turns_up_late,
     late_word_of_a_run_that_has_ended])

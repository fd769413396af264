#!/usr/bin/env python3
"""The same facts give the same bytes, in whatever order and by whichever way sessions come."""
import os, random, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *


def sessions():
    """Twenty sessions of several programs, with every kind of record."""
    made = []
    for i in range(20):
        program = ["/usr/bin/env", "/usr/bin/dash", "/usr/bin/ls"][i % 3]
        here = directory_id(0, "/etc")
        records = [
            path("/etc", LIST), path("hostname", READ, directory=here),
            path("/etc/no-such-%d" % (i % 4), READ, error=2), path("/etc/passwd", [READ, CHECK][i % 2]),
            path("/bin/sh", CHECK), execute("/usr/bin/ls"), execute("/usr/bin/no-hello-%d" % i, 13),
            load("/lib/x86_64-linux-gnu/libc.so.6"), load("/lib/x86_64-linux-gnu/libm.so.6", i % 3),
            endpoint(1, b"\x02\x00\x15\x38\x0a\x00\x00\x05" + bytes(8)),
            endpoint(1 + i % 2, b"\x01\x00/run/x.sock"),
            number(1, 6) + data(4, "/usr/bin/true") + data(12, "raw-syscall") + data(13, "of a test"),
        ]
        made.append((os.urandom(16), 1000 + i, program, records))
    return made


def shortened(session, started, program, records):
    """The same session, which gives each directory of a path a number, behind the records that have it."""
    said = []
    for record in records:
        match = re.fullmatch(rb"(\x08\x01\x10..?)\x22.(/.*)/([^/(]+)(|\x28.)", record, re.S)
        if match:
            prefix = 1 + sum(match[2]) % 4096
            said += [match[1] + data(4, match[3]) + match[4] + number(15, prefix), numbered(prefix, match[2])]
        else:
            said.append(record)
    assert any(record != other for record, other in zip(records, said))
    return session, started, program, said


def deliver(daemon, made):
    for session, started, program, records in made:
        Peer(daemon, records, session=session, started=started, executable=program).close()


def spool_file(made):
    return b"".join(
        spool_entry(hello(session, started=started, executable=program),
                    b"".join(slot(r) for r in records), written=started + 5000)
        for session, started, program, records in made)


def without_ends(manifest):
    """Without the ends of runs: they depend on when sockets were closed, which differs each time."""
    return re.sub(r"^  ended_ns: .*\n", "", manifest, flags=re.M)


def manifest_of(made, spooled=False):
    """spooled: every record also comes by the spool, as from processes that end."""
    daemon = Daemon(interval="3600")
    try:
        deliver(daemon, made)
        if spooled:
            append_to_spool(daemon, spool_file(made))
        assert daemon.stop() == 0, daemon.stderr()
        return without_ends(daemon.manifest())
    finally:
        daemon.remove()


def by_spool(made):
    daemon = Daemon(interval="3600")
    daemon.kill()
    try:
        append_to_spool(daemon, spool_file(made))
        daemon.start()
        assert daemon.stop() == 0, daemon.stderr()
        return daemon.manifest()
    finally:
        daemon.remove()


def main():
    made = sessions()
    expected = manifest_of(made)
    assert has_file(expected, "/etc/hostname") and 'kind: "raw-syscall"' in expected
    assert 'address: "10.0.0.5:5432"' in expected and "processes: 20" in expected
    dice = random.Random(7)
    for turn in range(5):
        dice.shuffle(made)
        assert manifest_of(made) == expected, "order %d differs" % turn
    assert manifest_of(made, spooled=True) == expected, "counted twice"
    spooled = by_spool(made)
    assert without_ends(spooled) == expected, "spool differs"
    assert "  ended_ns: 6019\n" in spooled, "the run's end is not that of its last entry"
    for turn in range(3):
        dice.shuffle(made)
        assert by_spool(made) == spooled, "spool order %d differs" % turn
    assert manifest_of([shortened(*session) for session in made]) == expected, "prefixes differ"
    print("ok")


main()

#!/usr/bin/env python3
# time-limit: 3600
"""Allocations of footprintd fail: each of the last ones of its life, and some of all others, alone or several in
a row. It goes on, nothing is lost and nothing is counted twice, or the manifest has a gap."""
import random
from faults import *

LAST = 120 if LONG else 20
OTHERS = 600 if LONG else 14
ENOUGH = 1 << 40
NEVER = "3600"  # only the last manifest is written
DOCS = directory_id(0, "/usr/share")
RECORDS = [path("/etc/hosts"), path("/usr/lib/none", error=2), load("/lib/x86_64-linux-gnu/libc.so.6"),
           endpoint(1, b"\x01\x00/run/x.sock"), path("/usr/share", access=LIST), path("doc", directory=DOCS)]
LOG = b"".join(slot(record) for record in RECORDS)


class Place:
    def __init__(self):
        self.folder = working_folder()
        self.library = self.folder + "/short.so"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", self.library, HERE + "/short.c"],
                       check=True)

    def limit(self, succeed=ENOUGH, fail=0):
        """From now on, so many allocations succeed, and then so many fail."""
        with open(self.folder + "/left", "r+b" if os.path.exists(self.folder + "/left") else "wb") as f:
            f.write(struct.pack("<qq", succeed, fail))

    def left(self):
        with open(self.folder + "/left", "rb") as f:
            return struct.unpack("<qq", f.read())[0]


def spool(daemon, name, said, log):
    with open(daemon.spool + "/being-written", "wb") as f:
        f.write(spool_entry(said, log, written=5))
    os.rename(f.name, daemon.spool + "/" + name)


def says_goodbye(daemon, peer):
    """As a process does that has not been acknowledged when it ends."""
    os.pwrite(peer.memory, struct.pack("<I", 0), 60)  # nobody is left who has not said goodbye
    spool(daemon, "records.1", peer.hello, peer.log)
    peer.close()


def comes_back(daemon, peer):
    """To another daemon, and is killed there."""
    s = connect(daemon)
    say_hello(s, peer.hello, [peer.memory])
    s.close()
    peer.close()


def is_idle(daemon):
    with open("/proc/%d/stat" % daemon.process.pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "S"


def trial(place, when, *limit):
    """One process has left records in the spool, one ends, and one lives on when the daemon is stopped. Memory is
    short when they are heard, or when it is stopped. Returns the manifest after the next daemon, the first one's
    status, and how many allocations it has made since then."""
    for name in "spool", "manifests":
        shutil.rmtree("%s/%s" % (place.folder, name), ignore_errors=True)
    place.limit()
    daemon = Daemon("--threads", "1", directory=place.folder, interval=NEVER,
                    wrapper=["env", "LD_PRELOAD=" + place.library, "SHORT_OF_MEMORY=%s/left" % place.folder])
    try:
        wait_for("the end of its beginnings", lambda: is_idle(daemon))
        if when == "heard":
            place.limit(*limit)
        spool(daemon, "records.0", hello(b"spooled, spooled", started=1), slot(path("/etc/passwd")))
        ending, living = (Peer(daemon, RECORDS, started=n, session=bytes([n]) * 16) for n in (2, 3))
        says_goodbye(daemon, ending)
        if when == "stopped":
            wait_for("what they say", lambda: is_idle(daemon) and not os.path.exists(daemon.spool + "/records.1"))
            place.limit(*limit)
        daemon.process.send_signal(signal.SIGTERM)
        status = daemon.process.wait(LIMIT_SECONDS)
        daemon.errors.close()
        made = ENOUGH - place.left()
        daemon.wrapper, daemon.interval = (), "0.1"
        daemon.start()
        comes_back(daemon, living)
        wait_for("the spool read", lambda: settled(daemon))
        return finish(daemon), status, made
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


def main():
    place, dice, same, told = Place(), random.Random(), 0, 0
    expected, status, _ = trial(place, "heard")
    assert status == 0 and not gaps(expected), gaps(expected)
    assert counts(expected)["runs"] == [(3, 2 * len(RECORDS) + 1)], counts(expected)
    made = {when: trial(place, when, ENOUGH, 0)[2] for when in ("heard", "stopped")}
    points = [("stopped", made["stopped"] - n, 1) for n in range(LAST)]
    points += [("heard", dice.randrange(made["heard"]), dice.choice((1, 2, 5, 30, 300))) for _ in range(OTHERS)]
    for when, succeed, fail in points:
        what = "%s, %d allocations, then %d fail" % (when, succeed, fail)
        manifest, status, _ = trial(place, when, succeed, fail)
        assert status >= 0, "%s: killed by %s" % (what, signal.Signals(-status).name)
        if gaps(manifest):
            told += 1
            continue
        try:
            assert_same_facts(expected, manifest)
        except AssertionError as difference:
            raise AssertionError("%s: %s" % (what, difference))
        assert counts(manifest) == counts(expected), "%s: %s" % (what, counts(manifest))
        same += 1
    assert same > told, "%d the same, %d with gaps" % (same, told)
    print("%d shortages: %d manifests the same, %d with a gap" % (same + told, same, told))


main()

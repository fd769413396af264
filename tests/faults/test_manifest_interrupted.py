#!/usr/bin/env python3
# time-limit: 400
"""A write of the manifest is interrupted at each of its system calls: footprintd is killed there, or gets
ENOSPC. What is on disk is the old manifest or the new one, never a torn one, and the next daemon writes
the new one and counts nothing twice. strace interrupts the calls; protoc reads what is left."""
import collections
from faults import *

if not shutil.which("strace"):
    skip("needs strace")

OLD = [path("/etc/passwd"), path("/etc/none-old", error=2)]
NEW = [path("/etc/group"), path("/etc/none-new", error=2), endpoint(1, b"\x01\x00/run/x.sock")]
ERRORS = {"openat": ["EMFILE"], "write": ["ENOSPC", "EDQUOT", "EIO"], "ftruncate": ["ENOSPC"],
          "fsync": ["EIO"], "renameat": ["ENOSPC", "EIO"], "flock": ["ENOLCK"], "unlinkat": ["EIO"]}
NAMES = ["manifests/.app@1.footprint.tmp", "manifests/app@1.footprint", "manifests", "spool"]
SPOOL_CALLS = ("renameat2", "faccessat2", "unlinkat")  # for taking and removing a file
NEVER = "3600"  # only the last manifest is written


class Place:
    """A folder as left by a daemon that had written OLD, with NEW waiting in the spool: in two files, from
    sessions of one run."""

    def __init__(self):
        self.folder = working_folder()
        os.mkdir(self.folder + "/old")
        self.spooled = [self.entry(OLD, 1, 2)]
        self.old = self.after()
        shutil.rmtree(self.folder + "/old")
        shutil.copytree(self.folder + "/manifests", self.folder + "/old")
        self.spooled = [self.entry(NEW[:1], 3, 5), self.entry(NEW[1:], 4, 5)]
        self.new = self.after()
        assert has_file(self.new, "/etc/passwd") and has_file(self.new, "/etc/group")
        assert counts(self.new)["runs"] == [(1, len(OLD)), (2, len(NEW))], counts(self.new)

    def entry(self, records, started, written):
        """A spool entry from a container that is gone, so nobody reads its package database, which would
        take seconds."""
        return spool_entry(hello(os.urandom(16), started=started, top=self.folder),
                           b"".join(slot(record) for record in records), written=written)

    def restore(self):
        for name in ("manifests", "spool"):
            shutil.rmtree("%s/%s" % (self.folder, name), ignore_errors=True)
        shutil.copytree(self.folder + "/old", self.folder + "/manifests")
        os.mkdir(self.folder + "/spool")
        os.chmod(self.folder + "/spool", 0o1777)
        for number, entry in enumerate(self.spooled):
            with open("%s/spool/records.%d" % (self.folder, number), "wb") as f:
                f.write(entry)

    def disturbed(self, names, *strace):
        """Runs a daemon under strace, which only sees calls on the given names; returns the manifest that
        it leaves, and its status."""
        self.restore()
        places = [option for name in names for option in ("-P", "%s/%s" % (self.folder, name))]
        daemon = Disturbed("--threads", "1", directory=self.folder, interval=NEVER,
                           wrapper=["strace", "-D", "-qq", "-f", "-o", self.folder + "/trace",
                                    *places, *strace])
        daemon.process.send_signal(signal.SIGTERM)
        status = daemon.process.wait(LIMIT_SECONDS)
        daemon.errors.close()
        return daemon.manifest(), status

    def after(self):
        """The manifest that the next daemon writes."""
        if not os.path.exists(self.folder + "/trace"):
            self.restore()
        return finish(Daemon(directory=self.folder, interval=NEVER))

    def calls(self, names):
        """Which system calls an undisturbed daemon makes on these names, and how often. strace counts them
        by thread."""
        manifest, status = self.disturbed(names)
        assert status == 0 and same(manifest, self.new), "strace alone disturbs it"
        with open(self.folder + "/trace") as f:
            by_thread = collections.Counter(re.findall(r"^(\d+) +(\w+)\(", f.read(), re.M))
        return {name: max(n for (_, other), n in by_thread.items() if other == name)
                for _, name in by_thread}


def same(one, other):
    return without_times(one) == without_times(other)


def check(place, names, what, status, allowed, *strace):
    manifest, ended = place.disturbed(names, *strace)
    assert ended == status or status is None, "%s: status %s" % (what, ended)
    assert any(same(manifest, one) for one in allowed), "%s: neither old nor new" % what
    after = place.after()
    assert_same_facts(place.new, after)
    assert counts(after) == counts(place.new), "%s: %s, not %s" % (what, counts(after),
                                                                  counts(place.new))


def check_written_through(place):
    """A power failure interrupts nothing that can be seen here: the order of the calls is what keeps a
    manifest whole then. The name is given to what is on the disk, and is there itself before the end."""
    place.disturbed(NAMES[:3], "-y")
    with open(place.folder + "/trace") as f:
        calls = f.read().split("\n")
    steps = [r"write\(\d+<.*tmp>", r"fsync\(\d+<.*tmp>", r'renameat\(.*"app@1.footprint"', r"fsync\(\d+<.*/manifests>"]
    turns = [[i for i, call in enumerate(calls) if re.match(r"\d+ +" + step, call)] for step in steps]
    assert all(turns), dict(zip(steps, turns))
    last = [turn[-1] for turn in turns]
    assert last == sorted(last), [calls[i] for i in last]


def interrupt(place, names, calls):
    """Interrupts each of these calls in each way (the short form: only the last call for most names);
    returns how many interruptions there were."""
    points = 0
    for name, count in sorted(calls.items()):
        for turn in range(1 if LONG or name in SPOOL_CALLS else count, count + 1):
            where = "%s %d of %d" % (name, turn, count)
            check(place, names, "killed at " + where, -signal.SIGKILL, [place.old, place.new],
                  "-e", "inject=%s:signal=KILL:when=%d" % (name, turn))
            points += 1
            for error in ERRORS.get(name, [])[: None if LONG else 1]:
                check(place, names, "%s at %s" % (error, where), None, [place.old, place.new],
                      "-e", "inject=%s:error=%s:when=%d" % (name, error, turn))
                points += 1
    return points


def main():
    place, points, seen = Place(), 0, set()
    check_written_through(place)
    for name in NAMES:
        calls = place.calls([name])
        if name == "spool":
            # While the daemon stops, it looks at the folder again and again, so these calls cannot be
            # counted.
            calls = {call: n for call, n in calls.items() if call in SPOOL_CALLS}
        seen.update(calls)
        points += interrupt(place, [name], calls)
    needed = {"openat", "flock", "ftruncate", "write", "fsync", "renameat", "renameat2", "unlinkat"}
    assert needed <= seen, seen
    # Lasting errors: the daemon reports them by its exit status, and keeps what it has for the next one.
    for name, error in (("write", "ENOSPC"), ("write", "EDQUOT"), ("renameat", "EIO")):
        check(place, NAMES[:3], "%s for good" % error, 1, [place.old],
              "-e", "inject=%s:error=%s" % (name, error))
    print("%d interruptions: old or new, and new in the end" % points)


main()

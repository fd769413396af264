#!/usr/bin/env python3
# time-limit: 400
"""A write of the manifest cut off at every system call that it is made of: footprintd killed there,
or told that there is no space. What is on disk is the old manifest or the new one, never a torn one,
and the next daemon writes the new one, which counts nothing twice. strace is the hand that does it;
protoc reads what is left."""
import collections
from faults import *

if not shutil.which("strace"):
    skip("needs strace")

OLD = [path("/etc/passwd"), path("/etc/none-old", error=2)]
NEW = [path("/etc/group"), path("/etc/none-new", error=2), endpoint(1, b"\x01\x00/run/x.sock")]
ERRORS = {"openat": ["EMFILE"], "write": ["ENOSPC", "EDQUOT", "EIO"], "ftruncate": ["ENOSPC"],
          "fsync": ["EIO"], "renameat": ["ENOSPC", "EIO"], "flock": ["ENOLCK"], "unlinkat": ["EIO"]}
NAMES = ["manifests/.app@1.footprint.tmp", "manifests/app@1.footprint", "manifests", "spool"]
SPOOL_CALLS = ("renameat2", "faccessat2", "unlinkat")  # taking a file, and letting it go
NEVER = "3600"  # the only manifest written is the last one


class Disturbed(Daemon):
    """It may come to its end before it listens."""

    def start(self):
        try:
            super().start()
        except AssertionError:
            pass


class Place:
    """A folder as a daemon left it that had written OLD, with NEW waiting in the spool: in two files,
    of sessions that make one run."""

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
        """Of a container that is gone: nobody looks into its package database for seconds."""
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
        """The manifest that a daemon leaves which lives under strace, and its status. Strace sees
        no calls but those on the given names."""
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
        """What the next daemon makes of what is there."""
        if not os.path.exists(self.folder + "/trace"):
            self.restore()
        return finish(Daemon(directory=self.folder, interval=NEVER))

    def calls(self, names):
        """The system calls that an undisturbed daemon makes on these names, and how often each.
        strace counts them by thread."""
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


def interrupt(place, names, calls):
    """Every call of these, in each way (the short form: the last of most names); how many
    interruptions that were."""
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
    for name in NAMES:
        calls = place.calls([name])
        if name == "spool":
            # The folder is looked at again and again, for as long as the end takes: those calls
            # have no number.
            calls = {call: n for call, n in calls.items() if call in SPOOL_CALLS}
        seen.update(calls)
        points += interrupt(place, [name], calls)
    needed = {"openat", "flock", "ftruncate", "write", "fsync", "renameat", "renameat2", "unlinkat"}
    assert needed <= seen, seen
    # For good: the daemon says so with its status, and what it has is kept for the next one.
    for name, error in (("write", "ENOSPC"), ("write", "EDQUOT"), ("renameat", "EIO")):
        check(place, NAMES[:3], "%s for good" % error, 1, [place.old],
              "-e", "inject=%s:error=%s" % (name, error))
    print("%d interruptions: old or new, and new in the end" % points)


main()

#!/usr/bin/env python3
# time-limit: 3600
"""System calls of footprintd fail, anywhere in its life: it neither crashes nor hangs, and after the next daemon
the manifest is that of an undisturbed one, or has a gap. strace makes them fail: one call, or several in a row."""
import collections, random
from faults import *

if not shutil.which("strace"):
    skip("needs strace")

SECONDS = 900 if LONG else 45
FILES = 64
# Without those that libuv takes for a fault of the program, and aborts: of its own pipes and epoll.
ERRORS = {
    "accept4": ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED"], "bind": ["ENOMEM"], "clone3": ["EAGAIN"],
    "epoll_wait": ["EINTR"], "fallocate": ["ENOSPC", "EINTR"], "fcntl": ["EMFILE"], "flock": ["ENOLCK"],
    "fsync": ["EIO", "ENOSPC"], "ftruncate": ["ENOSPC"], "getdents64": ["ENOMEM", "EIO"], "getrandom": ["EAGAIN"],
    "ioctl": ["EMFILE"], "listen": ["ENOMEM"], "lseek": ["EIO"], "memfd_create": ["EMFILE", "ENOMEM"],
    "mkdir": ["ENOSPC"], "mmap": ["ENOMEM"], "mprotect": ["ENOMEM"], "mremap": ["ENOMEM"], "newfstatat": ["ENOMEM"],
    "openat": ["EMFILE", "ENFILE", "ENOMEM"], "openat2": ["EMFILE", "ENOMEM"], "pread64": ["ENOMEM"],
    "pwrite64": ["ENOSPC", "EIO"], "readlinkat": ["ENOMEM"], "recvfrom": ["ENOMEM"],
    "recvmsg": ["ENOMEM", "ENOBUFS", "EINTR"], "renameat": ["ENOSPC", "EIO"], "renameat2": ["ENOSPC", "EIO"],
    "sendmsg": ["ENOBUFS", "ENOMEM"], "socket": ["EMFILE", "ENOBUFS"], "statx": ["ENOMEM"], "unlinkat": ["EIO", "EBUSY"],
    "writev": ["ENOSPC", "EIO"],
}
COUNTS_LOST = {"pwrite64"}  # without its ledger a daemon counts again what another one has counted
LIVES_ON = 'chdir shift; open F, "<$_" for 48 .. 55; <STDIN>; open F, "<$_" for 56 .. 63; chdir ".."; -e "none"'
STORM = 'for i in 0 4 8 12 16 20; do "$0" "$1" $i 4; done; ("$0" "$1" 24 8; cat "$1/40" "$1/none"); :'


class Place:
    def __init__(self):
        self.folder = working_folder()
        self.worker = compiled("worker", self.folder)
        self.data = data_folder(self.folder, FILES)

    def restore(self):
        for name in "spool", "manifests":
            shutil.rmtree("%s/%s" % (self.folder, name), ignore_errors=True)
        os.mkdir(self.folder + "/spool")
        os.chmod(self.folder + "/spool", 0o1777)
        said = hello(b"spooled, spooled", started=1) + data(13, os.uname().nodename)
        with open(self.folder + "/spool/records.0", "wb") as f:
            f.write(spool_entry(said, slot(path("/etc/passwd")) + slot(path("/etc/none", error=2)), written=2))

    def trial(self, *strace):
        """Programs that end, one that lives on when the daemon is stopped, and something in the spool. Returns the
        manifest after the next daemon, and the first one's status."""
        self.restore()
        wrapper = ["strace", "-D", "-qq", "-f", "-o", self.folder + "/trace", *strace] if strace else ()
        daemon = Disturbed("--threads", "1", directory=self.folder, interval="0.1", wrapper=wrapper)
        settings = watched(daemon)
        lives_on = subprocess.Popen(["perl", "-e", LIVES_ON, self.data], env=settings, stdin=subprocess.PIPE)
        try:
            subprocess.run(["sh", "-c", STORM, self.worker, self.data], env=settings, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=True)
            daemon.process.send_signal(signal.SIGTERM)
            status = daemon.process.wait(LIMIT_SECONDS)
            daemon.errors.close()
            after = Daemon("--threads", "1", directory=self.folder, interval="0.1")
            lives_on.communicate(b"\n", LIMIT_SECONDS)
            return finish(after), status
        finally:
            lives_on.kill()
            lives_on.wait()
            if daemon.process.poll() is None:
                daemon.kill()

    def calls(self):
        """Which system calls a daemon makes, and how often one of its threads does."""
        self.trial("-e", "trace=" + ",".join("?" + name for name in ERRORS))
        with open(self.folder + "/trace") as f:
            by_thread = collections.Counter(re.findall(r"^(\d+) +(\w+)\(", f.read(), re.M))
        return {name: max(n for (_, other), n in by_thread.items() if other == name)
                for _, name in by_thread if name in ERRORS}


def check(place, expected, name, error, when):
    what = "%s of %s, call %s" % (error, name, when)
    manifest, status = place.trial("-e", "trace=" + name, "-e", "inject=%s:error=%s:when=%s" % (name, error, when))
    assert status >= 0, "%s: killed by %s" % (what, signal.Signals(-status).name)
    if gaps(manifest):
        return "with a gap"
    try:
        assert_same_facts(expected, manifest)
    except AssertionError as difference:
        raise AssertionError("%s: %s" % (what, difference))
    assert name in COUNTS_LOST or counts(manifest) == counts(expected), "%s: %s" % (what, counts(manifest))
    return "the same"


def main():
    place, dice, results = Place(), random.Random(), collections.Counter()
    expected, status = place.trial()
    assert status == 0 and not gaps(expected), (status, gaps(expected))
    calls = place.calls()
    assert len(calls) > 20, calls
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        name = dice.choice(sorted(calls))
        first = dice.randint(1, calls[name])
        when = first if dice.random() < 0.7 else "%d..%d" % (first, first + dice.randint(1, 20))
        results[check(place, expected, name, dice.choice(ERRORS[name]), when)] += 1
    assert results["the same"] > results["with a gap"], results
    print("%d faults in %d kinds of calls: manifests %s" % (sum(results.values()), len(calls), dict(results)))


main()

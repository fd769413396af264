#!/usr/bin/env python3
# time-limit: 200
"""No space, no quota, a read-only file system, a spool nobody may write: the application never
notices, a manifest on disk stays whole, and what was kept comes when there is space again."""
from faults import *

COUNT = 200
MANY = 3000
SMALL = "1m"
SPACE_FOR_A_WORD = 32768  # less than a twentieth: no records go there


class Mounts:
    """Small file systems in memory; skips where none may be mounted."""

    def __init__(self):
        self.folders = []

    def make(self, folder):
        os.makedirs(folder, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=%s,mode=755" % SMALL, "none", folder]
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
            skip("cannot mount a tmpfs")
        self.folders.append(folder)

    def remount(self, folder, how):
        subprocess.run(["mount", "-o", "remount," + how, folder], check=True)

    def __del__(self):
        for folder in self.folders:
            subprocess.run(["umount", "-l", folder])


class Case:
    def __init__(self, worker, data):
        self.worker, self.data, self.mounts, self.said = worker, data, Mounts(), []

    def works(self, daemon, first, count=COUNT, prefix=()):
        """The worker does all of its work, says what it always says, and nothing else."""
        done = subprocess.run([*prefix, "env", "LD_PRELOAD=" + PRELOAD, self.worker, self.data,
                               str(first), str(count)],
                              env={**watched(daemon), "LD_PRELOAD": ""}, capture_output=True, text=True)
        bare = subprocess.run([self.worker, self.data, str(first), str(count)],
                              capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), (done.returncode, done.stderr[-500:])
        assert done.stdout == bare.stdout, "the application notices"
        return done.stdout.split("\n")[:-1]


def fill(folder, leave=0):
    """Fills the file system but for so many bytes."""
    with open(folder + "/ballast", "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
        f.truncate(f.tell() - leave)


def manifests_full(case):
    folder = working_folder()
    case.mounts.make(folder + "/small")
    daemon = Daemon(interval="0.2", manifests=folder + "/small")
    try:
        said = case.works(daemon, 0)
        wait_for("the first manifest", lambda: daemon.manifest())
        fill(daemon.manifests)
        said += case.works(daemon, COUNT, MANY)
        wait_for("a failure", lambda: "cannot be written" in daemon.stderr())
        assert daemon.manifest(), "the old manifest is gone"
        os.unlink(daemon.manifests + "/ballast")
        assert_done(finish(daemon), said)
        assert os.listdir(daemon.manifests) == ["app@1.footprint"]
    finally:
        daemon.remove()


def manifests_read_only(case):
    folder = working_folder()
    case.mounts.make(folder + "/small")
    daemon = Daemon(interval="0.2", manifests=folder + "/small")
    try:
        said = case.works(daemon, 0)
        wait_for("the first manifest", lambda: daemon.manifest())
        case.mounts.remount(daemon.manifests, "ro")
        said += case.works(daemon, COUNT)
        wait_for("a failure", lambda: "cannot be written" in daemon.stderr())
        # Its end says so, and the next daemon has what this one could not write.
        assert daemon.stop() == 1
        case.mounts.remount(daemon.manifests, "rw")
        daemon.start()
        assert_done(finish(daemon), said)
    finally:
        daemon.remove()


def spool_full(case):
    daemon = Daemon(interval="0.2")
    daemon.kill()
    try:
        case.mounts.make(daemon.spool)
        os.chmod(daemon.spool, 0o1777)
        fill(daemon.spool)
        case.works(daemon, 0)
        fill(daemon.spool, leave=SPACE_FOR_A_WORD)
        case.works(daemon, 0)
        os.unlink(daemon.spool + "/ballast")
        said = case.works(daemon, COUNT)
        daemon.start()
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
        assert_done(manifest, said)
        lost = [gap for gap in gaps(manifest) if gap[0] == "lost-records"]
        assert lost and lost[0][3] >= COUNT, "silently incomplete: %s" % gaps(manifest)
    finally:
        daemon.remove()


def spool_beyond_quota(case):
    """EDQUOT, by strace's hand: what was not kept at one time is kept at the next."""
    if not shutil.which("strace"):
        return
    daemon = Daemon(interval="0.2")
    daemon.kill()
    try:
        said = case.works(daemon, 0, prefix=["strace", "-qq", "-o", "/dev/null",
                                             "-e", "inject=writev:error=EDQUOT:when=1..20"])
        daemon.start()
        assert_done(finish(daemon), said)
    finally:
        daemon.remove()


def spool_nobody_may_write(case):
    """Somebody else's processes: what they keep is kept in memory while the daemon is there."""
    daemon = Daemon(interval="0.2")
    try:
        os.chmod(daemon.directory, 0o755)
        os.chmod(daemon.spool, 0o755)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        said = case.works(daemon, 0, prefix=nobody)
        assert_done(finish(daemon), said)
        case.works(daemon, COUNT, prefix=nobody)
    finally:
        daemon.remove()


def everything_read_only(case):
    daemon = Daemon(interval="0.2")
    daemon.kill()
    try:
        shutil.rmtree(daemon.spool)
        case.mounts.make(daemon.directory)
        case.mounts.remount(daemon.directory, "ro")
        case.works(daemon, 0)
    finally:
        daemon.remove()


def main():
    if os.geteuid():
        skip("needs root to mount small file systems")
    folder = working_folder()
    worker, data = compiled("worker", folder), data_folder(folder, COUNT + MANY)
    os.chmod(os.path.dirname(folder), os.stat(os.path.dirname(folder)).st_mode | 0o111)
    case, failed = Case(worker, data), 0
    for test in (manifests_full, manifests_read_only, spool_full, spool_beyond_quota,
                 spool_nobody_may_write, everything_read_only):
        try:
            test(case)
            print("ok", test.__name__)
        except AssertionError as error:
            failed += 1
            print("FAILED", test.__name__, error)
    sys.exit(1 if failed else 0)


main()

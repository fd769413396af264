#!/usr/bin/env python3
# time-limit: 200
"""No space, no quota, a read-only file system, or a spool that nobody may write: the application never
notices, a manifest on disk stays whole, and what was kept comes when there is space again."""
import contextlib, glob
from faults import *

COUNT = 200
MANY = 3000
SMALL = "1m"
LIMITED = "2m"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
SIZE_OF_A_COUNT = 8  # the counter in the reserve, for processes that find no slot
SPACE_FOR_A_WORD = 32768  # less than a twentieth of the file system, so no records are written


class Mounts:
    """Mounts small file systems in memory; skips the test where that is not allowed."""

    def __init__(self):
        self.folders = []

    def make(self, folder, *more):
        os.makedirs(folder, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", ",".join(["size=" + SMALL, "mode=755", *more]),
                   "none", folder]
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
            skip("cannot mount a tmpfs")
        self.folders.append(folder)

    def make_limited(self, folder):
        """Limits FOLDER/limited to LIMITED. False: there is no such quota here."""
        image = folder + "/image"
        if not shutil.which("mkfs.btrfs"):
            print("no mkfs.btrfs: no real quota")
            return False
        with open(image, "wb") as f:
            f.truncate(160 << 20)
        os.mkdir(folder + "/quota")
        commands = [["mkfs.btrfs", "-q", image], ["mount", "-o", "loop", image, folder + "/quota"],
                    ["btrfs", "subvolume", "create", folder + "/quota/limited"],
                    ["btrfs", "quota", "enable", folder + "/quota"],
                    ["btrfs", "qgroup", "limit", LIMITED, folder + "/quota/limited"]]
        for command in commands:
            if subprocess.run(command, capture_output=True).returncode:
                print("no real quota:", " ".join(command))
                return False
            if command[0] == "mount":
                self.folders.append(folder + "/quota")
        os.symlink("quota/limited", folder + "/limited")
        return True

    def remount(self, folder, how):
        subprocess.run(["mount", "-o", "remount," + how, folder], check=True)

    def __del__(self):
        for folder in self.folders:
            subprocess.run(["umount", "-l", folder])


class Case:
    def __init__(self, worker, data):
        self.worker, self.data, self.mounts, self.said = worker, data, Mounts(), []

    def works(self, daemon, first, count=COUNT, prefix=()):
        """Runs a worker, which must do all of its work, and print what it always prints and nothing else."""
        done = subprocess.run([*prefix, "env", "LD_PRELOAD=" + PRELOAD, self.worker, self.data,
                               str(first), str(count)],
                              env={**watched(daemon), "LD_PRELOAD": ""}, capture_output=True, text=True)
        bare = subprocess.run([self.worker, self.data, str(first), str(count)],
                              capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), (done.returncode, done.stderr[-500:])
        assert done.stdout == bare.stdout, "the application notices"
        return done.stdout.split("\n")[:-1]


def fill(folder, leave=0):
    """Fills the file system, except for `leave` bytes."""
    with open(folder + "/in-the-way", "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
        if leave:
            f.truncate(f.tell() - leave)


@contextlib.contextmanager
def removed_at_the_end(daemon):
    try:
        yield daemon
    finally:
        daemon.remove()


@contextlib.contextmanager
def daemon_with_small_manifests(case):
    """A daemon with its manifests on a small file system, where the first one is written; and what was
    recorded for it."""
    folder = working_folder()
    case.mounts.make(folder + "/small")
    with removed_at_the_end(Daemon(interval="0.2", manifests=folder + "/small")) as daemon:
        said = case.works(daemon, 0)
        wait_for("the first manifest", lambda: daemon.manifest())
        yield daemon, said


def daemon_with_small_spool(case, *options):
    folder = working_folder()
    case.mounts.make(folder + "/spool", *options)
    os.chmod(folder + "/spool", 0o1777)
    return removed_at_the_end(Daemon(interval="0.2", directory=folder))


def lost_records(manifest):
    return [gap for gap in gaps(manifest) if gap[0] == "lost-records"]


def manifests_full(case):
    with daemon_with_small_manifests(case) as (daemon, said):
        fill(daemon.manifests)
        said += case.works(daemon, COUNT, MANY)
        wait_for("a failure", lambda: "cannot be written" in daemon.stderr())
        assert daemon.manifest(), "the old manifest is gone"
        os.unlink(daemon.manifests + "/in-the-way")
        assert_done(finish(daemon), said)
        assert daemon.written() == ["app@1.footprint"]


def manifests_read_only(case):
    with daemon_with_small_manifests(case) as (daemon, said):
        case.mounts.remount(daemon.manifests, "ro")
        said += case.works(daemon, COUNT)
        wait_for("a failure", lambda: "cannot be written" in daemon.stderr())
        # Its exit status says so, and the next daemon has what this one could not write.
        assert daemon.stop() == 1
        case.mounts.remount(daemon.manifests, "rw")
        daemon.start()
        assert_done(finish(daemon), said)


def spool_full(case):
    with removed_at_the_end(Daemon(interval="0.2")) as daemon:
        daemon.kill()
        case.mounts.make(daemon.spool)
        os.chmod(daemon.spool, 0o1777)
        fill(daemon.spool)
        case.works(daemon, 0)
        fill(daemon.spool, leave=SPACE_FOR_A_WORD)
        case.works(daemon, 0)
        os.unlink(daemon.spool + "/in-the-way")
        said = case.works(daemon, COUNT)
        daemon.start()
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
        assert_done(manifest, said)
        lost = lost_records(manifest)
        assert lost and lost[0][3] >= COUNT, "silently incomplete: %s" % gaps(manifest)


def word_of_losses(case, what, make_impossible, prefix=(), processes=1):
    """Nobody listens, and no file can be written: the next daemon knows that something is lost, and whose
    records."""
    with daemon_with_small_spool(case, *what) as daemon:
        daemon.kill()
        make_impossible(daemon)
        for _ in range(processes):
            case.works(daemon, 0, prefix=prefix)
        assert not any(map(os.path.getsize, glob.glob(daemon.spool + "/records.*"))), "it is kept"
        daemon.start()
        wait_for("word of it", lambda: "lost-records" in daemon.manifest())
        for file in glob.glob(daemon.spool + "/in-the-way*"):
            os.unlink(file)
        lost = lost_records(finish(daemon))
        named = [gap for gap in lost if gap[1] == case.worker]
        assert named and named[0][3] >= COUNT, lost
        daemon.start()
        assert len(gaps(finish(daemon))) == len(lost), "told again"
        return lost


def no_space_at_all(case):
    word_of_losses(case, [], lambda daemon: fill(daemon.spool))


def no_inodes(case):
    def use_up(daemon):
        try:
            for i in range(100):
                open("%s/in-the-way.%d" % (daemon.spool, i), "w").close()
        except OSError:
            return
        raise AssertionError("a file system without end")

    word_of_losses(case, ["nr_inodes=20"], use_up)


def nobody_may_make_files(case):
    def close_spool(daemon):
        os.chmod(daemon.directory, 0o755)
        os.chmod(daemon.spool, 0o755)

    word_of_losses(case, [], close_spool, NOBODY)


def more_than_can_leave_word(case):
    lost = word_of_losses(case, [], lambda daemon: fill(daemon.spool), processes=40)
    assert [gap for gap in lost if not gap[1] and gap[3] >= 1], lost


def spool_read_only_in_an_outage(case):
    """The next daemon finds the spool read-only, so it must have been so for the processes."""
    with daemon_with_small_spool(case) as daemon:
        process = subprocess.Popen([case.worker, case.data, "0", str(COUNT), "20000"],
                                   env=watched(daemon), stdout=subprocess.DEVNULL)
        wait_for("the first manifest", lambda: daemon.manifest())
        daemon.kill()
        case.mounts.remount(daemon.spool, "ro")
        process.kill()
        process.wait()
        daemon.start()
        assert daemon.stop() == 0, daemon.stderr()
        case.works(daemon, 0)
        daemon.start()
        case.works(daemon, 0)
        assert daemon.stop() == 0, daemon.stderr()
        lost = lost_records(daemon.manifest())
        assert lost, "silently incomplete"


READ_ONLY_FOR_IT = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$0" && '
                    'mount -o remount,bind,ro "$0" && exec "$@"']


def read_only_for_the_application(case, outage, survives=False):
    """The volume is only read-only in the application's mount namespace. The manifest says so for a run
    that went on while nobody listened, whichever of its processes survived."""
    with removed_at_the_end(Daemon(interval="0.2")) as daemon:
        process = subprocess.Popen([*READ_ONLY_FOR_IT, daemon.directory, "env", "LD_PRELOAD=" + PRELOAD,
                                    case.worker, case.data, "0", str(MANY), "20000"],
                                   env={**watched(daemon), "LD_PRELOAD": ""}, stdout=subprocess.DEVNULL)
        wait_for("the first manifest", lambda: case.data in daemon.manifest())
        if outage:
            daemon.kill()
            case.works(daemon, COUNT, prefix=[*READ_ONLY_FOR_IT, daemon.directory])
        if survives:
            daemon.start()
            wait_for("word of it", lambda: "lost-records" in daemon.manifest())
        process.kill()
        process.wait()
        if outage and not survives:
            daemon.start()
        lost = lost_records(finish(daemon))
        assert len(lost) == outage, lost
        if outage:
            daemon.start()
            assert lost_records(finish(daemon)) == lost, "told again"


def read_only_for_the_application_at_times(case):
    read_only_for_the_application(case, outage=True)


def read_only_for_the_application_that_lives_on(case):
    read_only_for_the_application(case, outage=True, survives=True)


def read_only_for_the_application_without_an_outage(case):
    read_only_for_the_application(case, outage=False)


class Long:
    """A worker that is killed while it works. It prints into a pipe, to which no limit on files applies."""

    def __init__(self, case, daemon, prefix=()):
        self.process = subprocess.Popen([*prefix, "env", "LD_PRELOAD=" + PRELOAD, case.worker,
                                         case.data, "0", str(MANY), "1000"], text=True,
                                        env={**watched(daemon), "LD_PRELOAD": ""}, stdout=subprocess.PIPE)
        self.said = []

    def says(self, more):
        """Waits until it has printed `more` further lines."""
        self.said += [self.process.stdout.readline().rstrip("\n") for _ in range(more)]
        assert self.said[-1], "it has ended"

    def kill(self):
        """Kills it, and returns all that it has printed."""
        assert self.process.poll() is None, "it has ended"
        self.process.kill()
        self.said += self.process.communicate()[0].split("\n")[:-1]
        return self.said


A_LOOK = 1500  # facts, for which the worker needs longer than the second between two attempts


def space_again_before_a_kill(case):
    """What found no space at first is kept as soon as there is some, and not only at the end."""
    with daemon_with_small_spool(case) as daemon:
        daemon.kill()
        fill(daemon.spool)
        worker = Long(case, daemon)
        worker.says(COUNT)
        os.unlink(daemon.spool + "/in-the-way")
        worker.says(A_LOOK)
        said = worker.kill()
        daemon.start()
        manifest = finish(daemon)
        assert_done(manifest, said)
        assert not gaps(manifest), gaps(manifest)


def limited_to(size):
    return ["prlimit", "--fsize=%d" % size]


def limit_of_size(case):
    """A write beyond the limit would kill the application, also one in the reserve."""
    for size in (0, SIZE_OF_A_COUNT - 1, 4096, 8192, 65536, 128 << 10):
        with daemon_with_small_spool(case) as daemon:
            daemon.kill()
            case.works(daemon, 0, MANY, prefix=limited_to(size))
            daemon.start()
            lost = lost_records(finish(daemon))
            assert (len(lost) == 1) == (size >= SIZE_OF_A_COUNT), (size, lost)


def limit_of_size_while_it_stands_still(case):
    """By value: what did not fit into the socket comes when the daemon goes on."""
    with daemon_with_small_spool(case) as daemon:
        daemon.process.send_signal(signal.SIGSTOP)
        worker = Long(case, daemon, prefix=limited_to(8192))
        worker.says(MANY // 2)
        daemon.process.send_signal(signal.SIGCONT)
        wait_for("records", lambda: case.data in daemon.manifest())
        worker.says(10)
        said = worker.kill()
        manifest = finish(daemon)
        assert_done(manifest, said)
        assert not [gap for gap in lost_records(manifest) if gap[1] == case.worker], gaps(manifest)


NOT_A_PROGRAM = """
import os, sys
for i in range(int(sys.argv[2])):
    try:
        os.execv(sys.argv[1], [sys.argv[1]])
    except OSError as error:
        assert error.errno == 8, error
"""


def losses_are_told_once(case):
    """A program says goodbye before each exec; losses that were reported then are not reported again."""
    said = []
    for times in (1, 5):
        with daemon_with_small_spool(case) as daemon:
            name = daemon.directory + "/data"
            with open(name, "w") as file:
                file.write("neither ELF nor script\n")
            os.chmod(name, 0o755)
            daemon.kill()
            fill(daemon.spool)
            subprocess.run([sys.executable, "-S", "-c", NOT_A_PROGRAM, name, str(times)],
                           env=watched(daemon), check=True)
            daemon.start()
            wait_for("word of it", lambda: "lost-records" in daemon.manifest())
            os.unlink(daemon.spool + "/in-the-way")
            said.append(sum(gap[3] for gap in lost_records(finish(daemon))))
    assert 0 < said[0] <= said[1] <= said[0] + 10, said


def spool_beyond_quota(case):
    """EDQUOT from a real quota: a limit for a subvolume of btrfs, which needs none of the kernel options
    that quotas of tmpfs, ext4 and xfs do (CONFIG_TMPFS_QUOTA, QFMT_V2, XFS_QUOTA). Beyond it, not even
    the reserve can be written, so losses go unnoticed."""
    folder = working_folder()
    if not case.mounts.make_limited(folder):
        return
    with removed_at_the_end(Daemon(interval="0.2", directory=folder + "/limited")) as daemon:
        daemon.kill()
        said = case.works(daemon, 0)
        fill(folder + "/limited")
        case.works(daemon, COUNT)
        os.unlink(folder + "/limited/in-the-way")
        said += case.works(daemon, 2 * COUNT)
        daemon.start()
        assert_done(finish(daemon), said)


def spool_beyond_quota_at_times(case):
    """EDQUOT, injected by strace: what could not be kept at one time is kept the next time."""
    if not shutil.which("strace"):
        return
    with removed_at_the_end(Daemon(interval="0.2")) as daemon:
        daemon.kill()
        said = case.works(daemon, 0, prefix=["strace", "-qq", "-o", "/dev/null",
                                             "-e", "inject=writev:error=EDQUOT:when=1..20"])
        daemon.start()
        assert_done(finish(daemon), said)


def spool_beyond_quota_for_good(case):
    """EDQUOT for every record, by strace's hand, of a quota that holds the reserve already: what is lost is
    counted."""
    if not shutil.which("strace"):
        return
    with removed_at_the_end(Daemon(interval="0.2")) as daemon:
        daemon.kill()
        case.works(daemon, 0, prefix=["strace", "-qq", "-o", "/dev/null", "-e", "inject=writev:error=EDQUOT"])
        assert not any(map(os.path.getsize, glob.glob(daemon.spool + "/records.*"))), "it is kept"
        daemon.start()
        wait_for("word of it", lambda: "lost-records" in daemon.manifest())
        lost = lost_records(finish(daemon))
        named = [gap for gap in lost if gap[1] == case.worker]
        assert named and named[0][3] >= COUNT, lost


def spool_nobody_may_write(case):
    """Processes of another user, who cannot write to the spool, keep their records in memory while the
    daemon lives."""
    with removed_at_the_end(Daemon(interval="0.2")) as daemon:
        os.chmod(daemon.directory, 0o755)
        os.chmod(daemon.spool, 0o755)
        said = case.works(daemon, 0, prefix=NOBODY)
        assert_done(finish(daemon), said)
        case.works(daemon, COUNT, prefix=NOBODY)


def everything_read_only(case):
    with removed_at_the_end(Daemon(interval="0.2")) as daemon:
        daemon.kill()
        shutil.rmtree(daemon.spool)
        case.mounts.make(daemon.directory)
        case.mounts.remount(daemon.directory, "ro")
        case.works(daemon, 0)


def main():
    if os.geteuid():
        skip("needs root to mount small file systems")
    folder = working_folder()
    worker, data = compiled("worker", folder), data_folder(folder, COUNT + MANY)
    os.chmod(os.path.dirname(folder), os.stat(os.path.dirname(folder)).st_mode | 0o111)
    case, failed = Case(worker, data), 0
    for test in (manifests_full, manifests_read_only, spool_full, no_space_at_all,
                 no_inodes, nobody_may_make_files, more_than_can_leave_word, spool_read_only_in_an_outage,
                 read_only_for_the_application_at_times, read_only_for_the_application_that_lives_on,
                 read_only_for_the_application_without_an_outage,
                 space_again_before_a_kill, limit_of_size, limit_of_size_while_it_stands_still,
                 losses_are_told_once,
                 spool_beyond_quota, spool_beyond_quota_at_times, spool_beyond_quota_for_good,
                 spool_nobody_may_write, everything_read_only):
        try:
            test(case)
            print("ok", test.__name__)
        except AssertionError as error:
            failed += 1
            print("FAILED", test.__name__, error)
    sys.exit(1 if failed else 0)


main()

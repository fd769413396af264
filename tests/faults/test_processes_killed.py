#!/usr/bin/env python3
# time-limit: 300
"""Whole process groups are killed at random instants: what each had done before is in the manifest.
Workers print what they did before they do the next thing, and that is what the manifest is compared
with."""
import ctypes, itertools, random
from faults import *

ROUNDS = 36 if LONG else 12
WORKERS, FILES_EACH = 3, 4000
LAST_INSTANT = 0.03  # seconds after a worker's first line
FILE_LIMIT_KIB = 1000  # below a session memory's size
FEW_FILES_EACH = 600  # so that all records stay below that limit
SYNC_SECONDS = 1  # of a slow disk
PR_SET_CHILD_SUBREAPER = 36


# One worker after another, each in a cell of the shell's pool.
IN_CELLS = "for first in {0..%d..40}; do \"$0\" \"$1\" $first 40 500; done" % (WORKERS * FILES_EACH - 40)


def group(daemon, worker, data, out, before="", files_each=FILES_EACH, pause=0, script=None):
    """Starts a shell with workers, in a process group of their own. They print to `out`."""
    script = script or before + " ".join('"$0" "$1" %d %d %d &' % (i * FILES_EACH, files_each, pause)
                                         for i in range(WORKERS)) + " wait"
    with open(out, "ab") as output:
        return subprocess.Popen(["bash", "-c", script, worker, data], env=watched(daemon),
                                stdout=output, start_new_session=True)


def kill_in_mid_life(process, out, last_instant, meanwhile):
    wait_for("a worker's first word", lambda: os.path.getsize(out))
    meanwhile()
    time.sleep(random.random() * last_instant)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    reap(process.pid)


def reap(process_group):
    """Waits for orphans that this process has inherited."""
    try:
        while True:
            os.waitpid(-process_group, 0)
    except ChildProcessError:
        pass


def whole_lines(out):
    with open(out) as f:
        return f.read().split("\n")[:-1]


class Rounds:
    """Rounds of killing under one daemon, in whatever state that is."""
    numbers = itertools.count()

    def __init__(self, worker, data, folder):
        self.worker, self.data, self.folder = worker, data, folder
        self.said, self.cut_short = set(), 0

    def run(self, daemon, rounds, last_instant=LAST_INSTANT, meanwhile=lambda: None, **how):
        for _ in range(rounds):
            self.out = "%s/out.%d" % (self.folder, next(self.numbers))
            workers = group(daemon, self.worker, self.data, self.out, **how)
            kill_in_mid_life(workers, self.out, last_instant, meanwhile)
            self.said.update(whole_lines(self.out))
            self.cut_short += workers.returncode != 0


def while_it_listens(rounds, daemon):
    rounds.run(daemon, ROUNDS)


def while_it_stands_still(rounds, daemon):
    daemon.process.send_signal(signal.SIGSTOP)
    rounds.run(daemon, 3)
    daemon.process.send_signal(signal.SIGCONT)


def just_after_the_daemon_has_ended(rounds, daemon):
    """It ends properly. They have not noticed yet when they are killed."""
    for _ in range(ROUNDS // 3):
        rounds.run(daemon, 1, meanwhile=daemon.stop, pause=1000)
        daemon.start()


def after_the_end_of_a_second_daemon(rounds, daemon):
    """By then records go by value, since memories are only sent to the first one. They are killed while it writes
    its last manifest."""
    def two_ends():
        daemon.kill()
        daemon.start()
        own = sockets(daemon)
        wait_for("the workers", lambda: sockets(daemon) >= own + WORKERS)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(SYNC_SECONDS / 3)

    daemon.wrapper = slow_disk(rounds.folder, SYNC_SECONDS)
    # While it lives, the end of the others is none of the application, which would be written once more.
    with subprocess.Popen(["sleep", "1000"], env=watched(daemon)) as other:
        for _ in range(ROUNDS // 6):
            rounds.run(daemon, 1, meanwhile=two_ends, pause=1000)
            assert daemon.process.poll() is None, "the disk was not slow"
            daemon.process.wait()
            daemon.start()
        other.kill()


def in_cells_after_the_end(rounds, daemon):
    """Programs that begin in a pool whose daemon has ended, or is about to."""
    def later():
        wait_for("some workers", lambda: sum(1 for _ in open(rounds.out)) > 200)
        daemon.stop()

    for _ in range(ROUNDS // 3):
        rounds.run(daemon, 1, meanwhile=later, script=IN_CELLS)
        daemon.start()


def while_its_last_manifest_is_written(rounds, daemon):
    """Nobody hears programs that begin then."""
    daemon.stop()
    daemon.interval, daemon.wrapper = "3600", slow_disk(rounds.folder, SYNC_SECONDS)
    for _ in range(ROUNDS // 6):
        daemon.start()
        rounds.run(daemon, 1)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(SYNC_SECONDS / 3)
        rounds.run(daemon, 1)
        assert daemon.process.poll() is None, "the disk was not slow"
        daemon.process.wait()
    daemon.interval, daemon.wrapper = "0.5", ()
    daemon.start()


def before_it_is_killed_as_well(rounds, daemon):
    """It would have written what they recorded before it took its leave."""
    def takes_its_leave():
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(SYNC_SECONDS / 3)

    daemon.stop()
    daemon.interval, daemon.wrapper = "3600", slow_disk(rounds.folder, SYNC_SECONDS)
    for _ in range(ROUNDS // 6):
        daemon.start()
        rounds.run(daemon, 1, meanwhile=takes_its_leave, pause=1000)
        time.sleep(SYNC_SECONDS / 10)
        assert daemon.process.poll() is None, "the disk was not slow"
        daemon.kill()
    daemon.interval, daemon.wrapper = "0.5", ()
    daemon.start()


def while_nobody_listens(rounds, daemon):
    daemon.kill()
    rounds.run(daemon, 3)
    daemon.start()


def without_shared_memory(rounds, daemon):
    """With a limit on file sizes below that of the memory, records go by value. What does not fit into the
    socket goes into the spool file, to which the same limit applies; so that is read in between, and
    few files are used."""
    for _ in range(3):
        rounds.run(daemon, 1, LAST_INSTANT / 3, before="ulimit -f %d;" % FILE_LIMIT_KIB,
                   files_each=FEW_FILES_EACH)
        wait_for("the spool read", lambda: settled(daemon))


def daemon_killed_after_them(rounds, daemon):
    """The daemon is killed when it has read what they left, and not written it yet."""
    for _ in range(ROUNDS // 3):
        rounds.run(daemon, 1)
        has_heard_all(daemon)
        wait_for("the memories let go", lambda: not memories(daemon))
        daemon.kill()
        daemon.start()


def has_heard_all(daemon):
    """Has the daemon heard all processes that connected before? Connections have their turn in order."""
    s = connect(daemon)
    s.send(b"\xff")
    assert refused(s), "garbage was answered"
    s.close()


def memories(daemon):
    """The session memories that the daemon holds."""
    return [name for name in descriptors(daemon) if "/memfd:" in name]


def sockets(daemon):
    return sum(name.startswith("socket:") for name in descriptors(daemon))


def descriptors(daemon):
    folder = "/proc/%d/fd/" % daemon.process.pid
    return [read_link(folder + fd) for fd in os.listdir(folder)]


def main():
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    folder = working_folder()
    worker, data = compiled("worker", folder), data_folder(folder, WORKERS * FILES_EACH)
    expected = undisturbed(
        lambda daemon: group(daemon, worker, data, folder + "/whole").wait())
    assert_done(expected, whole_lines(folder + "/whole"))
    for case in (while_it_listens, while_it_stands_still, just_after_the_daemon_has_ended,
                 after_the_end_of_a_second_daemon, in_cells_after_the_end, while_its_last_manifest_is_written,
                 before_it_is_killed_as_well, while_nobody_listens, without_shared_memory, daemon_killed_after_them):
        daemon, rounds = Daemon(interval="0.5"), Rounds(worker, data, folder)
        try:
            case(rounds, daemon)
            manifest = finish(daemon)
            assert_done(manifest, rounds.said)
            assert not gaps(manifest), gaps(manifest)
            made_up = set(accesses(manifest)) - set(accesses(expected))
            assert not made_up, made_up
            assert rounds.cut_short, "no round was killed in mid-life"
            print("ok %s: %d facts" % (case.__name__, len(rounds.said)))
        finally:
            daemon.remove()


main()

#!/usr/bin/env python3
# time-limit: 300
"""Whole process groups are killed at random instants: what each had done before is in the manifest.
Workers print what they did before they do the next thing, and that is what the manifest is compared
with."""
import ctypes, itertools, random
from faults import *

ROUNDS = 60 if LONG else 12
WORKERS, FILES_EACH = 3, 4000
LAST_INSTANT = 0.03  # seconds after a worker's first line
FILE_LIMIT_KIB = 1000  # below a session memory's size
FEW_FILES_EACH = 600  # so that all records stay below that limit
PR_SET_CHILD_SUBREAPER = 36


def group(daemon, worker, data, out, before="", files_each=FILES_EACH, pause=0):
    """Starts a shell with workers, in a process group of their own. They print to `out`."""
    script = before + " ".join('"$0" "$1" %d %d %d &' % (i * FILES_EACH, files_each, pause)
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
            out = "%s/out.%d" % (self.folder, next(self.numbers))
            workers = group(daemon, self.worker, self.data, out, **how)
            kill_in_mid_life(workers, out, last_instant, meanwhile)
            self.said.update(whole_lines(out))
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
    folder = "/proc/%d/fd/" % daemon.process.pid
    return [fd for fd in os.listdir(folder) if "/memfd:" in read_link(folder + fd)]


def main():
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    folder = working_folder()
    worker, data = compiled("worker", folder), data_folder(folder, WORKERS * FILES_EACH)
    expected = undisturbed(
        lambda daemon: group(daemon, worker, data, folder + "/whole").wait())
    assert_done(expected, whole_lines(folder + "/whole"))
    for case in (while_it_listens, while_it_stands_still, just_after_the_daemon_has_ended, while_nobody_listens,
                 without_shared_memory, daemon_killed_after_them):
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

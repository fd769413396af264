#!/usr/bin/env python3
"""`footprint run` is interrupted before it gets to the program, while the program starts, or later; or
nobody reads its standard error or its manifest. It ends as if it had nothing to remove, and removes what it has made."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

FOOTPRINT = os.path.join(os.environ["BUILD"], "footprint")
OTHER_USER = 65534  # root uses a directory of everybody's
STEP_SECONDS, STEPS = 0.00025, 80
LIMIT_SECONDS = 20


class Place:
    """A folder for what the run makes temporarily, and one for its manifest."""

    def __init__(self):
        self.top = tempfile.mkdtemp()
        self.runtime, self.output = self.top + "/runtime", self.top + "/out.footprint"
        os.mkdir(self.runtime)
        self.user = {}
        if os.geteuid() == 0:
            self.user = {"user": OTHER_USER, "group": OTHER_USER, "extra_groups": []}
            for folder in (self.top, self.runtime):
                os.chown(folder, OTHER_USER, OTHER_USER)

    def run(self, *words, before=(), **options):
        return subprocess.Popen([*before, FOOTPRINT, "run", "-o", self.output, *words],
                                env={**os.environ, "XDG_RUNTIME_DIR": self.runtime},
                                **{"stderr": subprocess.PIPE, **self.user, **options})

    def left(self):
        beside = set(os.listdir(self.top)) - {"runtime", "out.footprint"}
        return [*os.listdir(self.runtime), *beside]


def interrupted(place, number, delay):
    """Interrupts a run after `delay`; returns how it ended."""
    process = place.run("sleep", "60")
    time.sleep(delay)
    process.send_signal(number)
    _, said = process.communicate(timeout=LIMIT_SECONDS)
    what = "%s after %.2f ms" % (signal.Signals(number).name, delay * 1000)
    assert process.returncode in (-number, 128 + number), (what, process.returncode, said)
    assert process.returncode > 0 or not said, (what, said)
    assert not place.left(), (what, place.left())
    return process.returncode


def ignored(place):
    """An ignored signal interrupts nothing, and is ignored by the program, too."""
    for step in range(0, STEPS, 8):
        process = place.run("true", before=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
        while b"footprint" not in open("/proc/%d/comm" % process.pid, "rb").read():
            assert process.poll() is None
        time.sleep(step * STEP_SECONDS)
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0, (process.returncode, said)
        assert not place.left()


# Sends a signal to its group, takes it before its parent can, and counts what else comes until SIGUSR1. (Of several
# signals that wait, the kernel delivers that with the smallest number first.)
COUNTING = """
import os, signal
expected = {signal.SIGHUP, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, expected)
os.kill(os.getppid(), signal.SIGSTOP)
os.kill(0, signal.SIGHUP)
print(signal.sigwait(expected), flush=True)
os.kill(os.getppid(), signal.SIGCONT)
more = 0
while signal.sigwait(expected) == signal.SIGHUP:
    more += 1
print(more)
"""


def own_group(place):
    """A signal that the program sends to its group, with `footprint run` in it, comes to the program once."""
    process = place.run("python3", "-I", "-c", COUNTING, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"%d\n" % signal.SIGHUP
    process.send_signal(signal.SIGUSR1)
    output, said = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0 and output == b"0\n", (process.returncode, output, said)
    assert not place.left(), place.left()


def unread(place):
    """If nobody reads its standard error, the program's status still counts, and the manifest is there."""
    reader, writer = os.pipe()
    os.close(reader)
    process = place.run("sh", "-c", "exit 3", stderr=writer)
    os.close(writer)
    assert process.wait(LIMIT_SECONDS) == 3, process.returncode
    assert os.path.getsize(place.output) and not place.left(), place.left()


def wait_until(condition):
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "not within %d seconds" % LIMIT_SECONDS
        time.sleep(0.001)


def unread_manifest(place, number):
    """A pipe that nobody reads for the manifest: the run can be interrupted, and nothing is left."""
    pipe = place.top + "/pipe"
    os.mkfifo(pipe, 0o666)
    os.chmod(pipe, 0o666)
    process = place.run("-o", pipe, "cat", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.listdir(place.runtime))
        process.stdin.close()
        wait_until(lambda: not os.listdir(place.runtime))
        process.send_signal(number)
        assert process.wait(LIMIT_SECONDS) == -number, process.returncode
    finally:
        process.kill()
        process.wait()
        os.unlink(pipe)
    assert not place.left(), place.left()


def main():
    place = Place()
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            ends = [interrupted(place, number, step * STEP_SECONDS) for step in range(STEPS)]
            print("%s: %d of %d before the program" % (number.name, ends.count(-number), STEPS))
        ignored(place)
        own_group(place)
        unread(place)
        for number in (signal.SIGTERM, signal.SIGINT):
            unread_manifest(place, number)
    finally:
        shutil.rmtree(place.top)


main()

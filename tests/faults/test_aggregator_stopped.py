#!/usr/bin/env python3
# time-limit: 300
"""The aggregator is stopped under a storm until its backlog is full. No process waits for it longer than
it may in its life, and afterwards nothing is missing. How long each process waited is measured from
outside, by the kernel's own accounting (meter.c)."""
from faults import *

STOPPED_SECONDS = 30 if LONG else 4
PER_ROUND = 200
BACKLOG = 32
FILES = 4096
MEMORY = "/dev/shm"  # a file system without a disk to wait for
SHORT_BACKLOG = ["unshare", "-n", "sh", "-c",
                 "echo %d >/proc/sys/net/core/somaxconn && exec \"$@\"" % BACKLOG, "footprintd"]


def waits(meter, worker, data, out, settings):
    """How many milliseconds each of a round of processes waited."""
    command = [meter, out, str(PER_ROUND), *settings, worker, data, "%", "8"]
    with open(os.devnull, "w") as null:
        subprocess.run(command, stdout=null, check=True)
    with open(out) as f:
        return [int(line) / 1000 for line in f]


def settings_of(daemon):
    variables = watched(daemon)
    return ["%s=%s" % (name, variables[name]) for name in
            ("LD_PRELOAD", "FOOTPRINT_SOCKET", "FOOTPRINT_APP", "FOOTPRINT_VERSION")]


def can_unshare():
    return subprocess.run([*SHORT_BACKLOG, "true"], stderr=subprocess.DEVNULL).returncode == 0


def can_use_memory():
    """Programs are put there, too, which hardened machines and containers forbid (noexec)."""
    return os.path.isdir(MEMORY) and os.access(MEMORY, os.W_OK) and \
        not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC


def main():
    if can_use_memory():
        tempfile.tempdir = MEMORY
    folder = working_folder()
    worker, meter, data = compiled("worker", folder), compiled("meter", folder), \
        data_folder(folder, FILES)
    out = folder + "/waits"
    short = SHORT_BACKLOG if can_unshare() else ()
    expected = undisturbed(
        lambda daemon: waits(meter, worker, data, out, settings_of(daemon)))
    daemon, slow, bare = Daemon(interval="0.2", wrapper=short), [], []
    try:
        daemon.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + STOPPED_SECONDS
        while time.monotonic() < end:
            slow += waits(meter, worker, data, out, settings_of(daemon))
            bare += waits(meter, worker, data, out, [])
        daemon.process.send_signal(signal.SIGCONT)
        assert_same_facts(expected, finish(daemon))
        assert len(slow) > BACKLOG or not short
        print("%d processes waited %.1f ms at most, %.1f ms bare"
              % (len(slow), max(slow), max(bare)))
        # The machine is shared: bare processes sometimes wait for something, too.
        assert max(slow) <= PROCESS_WAIT_MS + max(bare)
    finally:
        daemon.remove()


main()

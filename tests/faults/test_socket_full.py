#!/usr/bin/env python3
# time-limit: 200
"""A full socket. Processes without shared memory send every record to an aggregator that has accepted them
and was stopped. None of them waits longer than it may, a kill loses nothing, and in the end the
manifest is that of an undisturbed run."""
from faults import *

COUNT = 400  # more records than a socket holds, and fewer than fit into a spool file below the limit
PROCESSES = 3
LIMIT_BYTES = 1000 << 10  # limit on the size of files: less than a session memory


def without_memory():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))


def begin(daemon, worker, data):
    """Starts workers that are slow enough to be alive when the daemon is stopped."""
    return [subprocess.Popen([worker, data, str(i * COUNT), str(COUNT), "5000"], env=watched(daemon),
                             stdout=subprocess.PIPE, preexec_fn=without_memory)
            for i in range(PROCESSES)]


def end(processes):
    return [process.communicate()[0].decode() for process in processes]


def main():
    folder = working_folder()
    worker, data = compiled("worker", folder), data_folder(folder, PROCESSES * COUNT)
    said = []
    expected = undisturbed(lambda daemon: said.extend(end(begin(daemon, worker, data))))
    for killed in (False, True):
        daemon = Daemon(interval="0.2")
        try:
            processes = begin(daemon, worker, data)
            wait_for("a manifest", lambda: data in daemon.manifest())
            daemon.process.send_signal(signal.SIGSTOP)
            # What does not fit into the full socket is in the spool.
            wait_for("a full socket", lambda: not settled(daemon))
            if killed:
                for process in processes:
                    process.kill()
            disturbed = end(processes)
            daemon.process.send_signal(signal.SIGCONT)
            manifest = finish(daemon)
            assert not gaps(manifest), gaps(manifest)
            if killed:
                assert_done(manifest, [line for one in disturbed for line in one.split("\n")[:-1]])
            else:
                assert disturbed == said, "the application notices"
                assert_same_facts(expected, manifest)
            print("ok", "killed" if killed else "undisturbed to the end")
        finally:
            daemon.remove()


main()

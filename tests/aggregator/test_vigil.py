#!/usr/bin/env python3
"""A supervisor that is killed while its program lives on is a gap; one that ends with it is none."""
import os, socket, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

GOOD = [path("/etc/passwd")]
GAP = 'kind: "lost-records"\n  path: "/usr/bin/env"\n  detail: "its supervisor was killed'
LOOKS = 4  # seconds in which a gap would have come


class Supervised:
    """A peer that supervises a program: both are real, the lifeline too."""

    def __init__(self, daemon):
        self.peer = Peer(daemon, GOOD)
        self.program = subprocess.Popen(["sleep", "60"])
        self.held, self.sent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.say(os.pidfd_open(self.program.pid))

    def say(self, pidfd):
        vigil(self.peer, [pidfd, self.sent.fileno()])
        os.close(pidfd)

    def kill_supervisor(self):
        self.sent.close()
        self.held.close()
        self.peer.close()

    def kill_program(self):
        self.program.kill()
        self.program.wait()


def vigil(peer, fds):
    socket.send_fds(peer.socket, [data(5, data(1, peer.session))], fds)


def never_a_gap(daemon):
    time.sleep(LOOKS)
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/passwd")
    assert "lost-records" not in daemon.manifest(), daemon.manifest()


def a_program_that_outlives_its_supervisor(daemon):
    supervised = Supervised(daemon)
    supervised.kill_supervisor()
    wait_for("the gap", lambda: GAP in daemon.manifest())
    supervised.kill_program()


def a_supervisor_that_is_killed_after_its_session_was_over(daemon):
    supervised = Supervised(daemon)
    supervised.peer.close()  # the worker; the guardian starts another, which has nothing to say yet
    time.sleep(LOOKS)
    assert "lost-records" not in daemon.manifest()
    supervised.held.close()
    wait_for("the gap", lambda: GAP in daemon.manifest())
    supervised.kill_program()


def a_program_that_ends_first(daemon):
    supervised = Supervised(daemon)
    supervised.kill_program()
    supervised.kill_supervisor()
    never_a_gap(daemon)


def both_killed_the_supervisor_first(daemon):
    supervised = Supervised(daemon)
    supervised.kill_supervisor()
    time.sleep(0.5)
    supervised.kill_program()
    never_a_gap(daemon)


def another_process_of_the_same_program(daemon):
    supervised = Supervised(daemon)
    supervised.kill_program()
    supervised.program = subprocess.Popen(["sleep", "60"])
    supervised.say(os.pidfd_open(supervised.program.pid))
    supervised.kill_supervisor()
    wait_for("the gap", lambda: GAP in daemon.manifest())
    supervised.kill_program()


def nobody_waits_for_a_vigil_at_the_end(daemon):
    supervised = Supervised(daemon)
    supervised.peer.close()
    begun = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun < LOOKS
    assert "lost-records" not in daemon.manifest()
    supervised.kill_program()


def descriptors_that_are_no_vigil(daemon):
    pidfd = os.pidfd_open(os.getpid())
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stream, _ = socket.socketpair()
    pipe, _ = os.pipe()
    plain = os.open("/etc/passwd", os.O_RDONLY)
    for fds in ([], [pidfd], [pidfd, plain], [plain, one.fileno()], [pidfd, pipe],
                [pidfd, stream.fileno()], [one.fileno(), pidfd], [pidfd, one.fileno(), other.fileno()]):
        peer = Peer(daemon, GOOD)
        vigil(peer, fds)
        assert refused(peer.socket), fds
        peer.close()
    wait_for("the gap", lambda: 'kind: "dropped-session"' in daemon.manifest())


def sockets(daemon):
    folder = "/proc/%d/fd" % daemon.process.pid
    return sum(os.readlink(folder + "/" + fd).startswith("socket:") for fd in os.listdir(folder))


def no_more_than_so_many(daemon):
    held = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    all_of_them = []
    for _ in range(30):
        supervised = Supervised(daemon)
        supervised.peer.close()
        all_of_them.append(supervised)
    wait_for("the sessions", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    now = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    assert now <= 80, "%d descriptors, before %d" % (now, held)
    for supervised in all_of_them:
        supervised.kill_program()
    wait_for("their end", lambda: sockets(daemon) == 1)
    assert daemon.stop() == 0
    assert daemon.counter("supervisors whose end would go unnoticed") > 0


def with_few_descriptors(_):
    few = Daemon(descriptors=120)
    try:
        no_more_than_so_many(few)
    finally:
        few.remove()


if __name__ == "__main__":
    run([a_program_that_outlives_its_supervisor, a_supervisor_that_is_killed_after_its_session_was_over,
         a_program_that_ends_first, both_killed_the_supervisor_first,
         another_process_of_the_same_program, nobody_waits_for_a_vigil_at_the_end,
         descriptors_that_are_no_vigil, with_few_descriptors])

#!/usr/bin/env python3
"""A supervisor that is killed while its program lives on is a gap; one that ends with its program is not."""
import ctypes, os, select, socket, struct, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

GOOD = [path("/etc/passwd")]
GAP = 'kind: "lost-records"\n  path: "/usr/bin/env"\n  detail: "its supervisor was killed'
LOOKS = 4  # seconds within which a gap would appear
CHROOT, SECCOMP, NO_NEW_PRIVS = 161, 317, 38  # the filter announces chroot()
LIBC = ctypes.CDLL(None, use_errno=True)


def install_filter():
    """Installs a filter that announces CHROOT, and returns its listener."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, CHROOT), (0x06, 0, 0, 0x7FC00000), (0x06, 0, 0, 0x7FFF0000)]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
    program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(instructions)))
    LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    return LIBC.syscall(SECCOMP, 1, 8, program)


class Program:
    """A process under such a filter, which makes the call when it is told to."""

    def __init__(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if not self.pid:
            ours.close()
            listener = install_filter()
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
            while theirs.recv(1):
                LIBC.chroot(b"/")
                theirs.send(struct.pack("<i", ctypes.get_errno()))
            os._exit(0)
        theirs.close()
        self.socket = ours
        self.socket.settimeout(LIMIT_SECONDS)
        _, (self.listener,), _, _ = socket.recv_fds(self.socket, 1, 1)

    def call(self):
        self.socket.send(b"x")

    def wait_until_it_waits(self):
        """Waits until the process waits for an answer, which nobody gives while the listener is open."""
        assert select.select([self.listener], [], [], LIMIT_SECONDS)[0], "its call never came"

    def outcome(self):
        return struct.unpack("<i", self.socket.recv(4))[0]

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        self.socket.close()


class Supervised:
    """A peer that supervises a program. The program, the listener and the lifeline are real."""

    def __init__(self, daemon, **how):
        self.program = Program()
        self.held, self.sent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.peer = self.say_hello(daemon, **how)

    def say_hello(self, daemon, **how):
        peer = Peer(daemon, GOOD, **how)
        vigil(peer, [self.program.listener, self.sent.fileno()])
        return peer

    def let_go(self):
        self.sent.close()
        self.held.close()
        os.close(self.program.listener)

    def kill_supervisor(self):
        self.let_go()
        self.peer.close()


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
    supervised.program.call()
    wait_for("the gap", lambda: GAP in daemon.manifest())
    assert "count: 1\n" in daemon.manifest()
    assert supervised.program.outcome() == 38, "ENOSYS, as without us"
    supervised.program.end()


def a_call_that_was_received_and_never_answered(daemon):
    supervised = Supervised(daemon)
    supervised.program.call()
    room = ctypes.create_string_buffer(80)
    assert LIBC.ioctl(supervised.program.listener, ctypes.c_ulong(0xC0502100), room) == 0
    supervised.kill_supervisor()
    wait_for("the gap", lambda: GAP in daemon.manifest())
    supervised.program.end()


def a_supervisor_that_is_killed_after_its_session_was_over(daemon):
    supervised = Supervised(daemon)
    supervised.peer.close()  # the worker's connection; the guardian starts another worker, which has nothing to say yet
    supervised.program.call()
    time.sleep(LOOKS)
    assert "lost-records" not in daemon.manifest()
    supervised.let_go()
    wait_for("the gap", lambda: GAP in daemon.manifest())
    supervised.program.end()


def a_supervisor_that_lives_on_is_told_of_again_and_again(daemon):
    """The lifeline comes with each session, and a call may take long without being a gap."""
    supervised = Supervised(daemon)
    for _ in range(5):
        supervised.say_hello(daemon).close()
    supervised.program.call()
    time.sleep(1)
    assert select.select([supervised.held], [], [], 0) == ([], [], []), "its lifeline has hung up"
    never_a_gap(daemon)
    supervised.program.end()


def a_program_that_makes_no_call_any_more(daemon):
    supervised = Supervised(daemon)
    supervised.kill_supervisor()
    never_a_gap(daemon)
    supervised.program.end()


def a_program_that_ends_first(daemon):
    supervised = Supervised(daemon)
    supervised.program.end()
    supervised.kill_supervisor()
    never_a_gap(daemon)


def both_killed_the_supervisor_first(daemon):
    supervised = Supervised(daemon)
    supervised.program.call()
    supervised.program.wait_until_it_waits()
    supervised.kill_supervisor()
    supervised.program.end()
    never_a_gap(daemon)


def each_application_has_the_gap_once(daemon):
    supervised = Supervised(daemon)
    others = [supervised.say_hello(daemon, application=name) for name in ("app", "app", "other", "other")]
    for peer in others:
        peer.close()
    supervised.kill_supervisor()
    supervised.program.call()
    wait_for("the gap", lambda: GAP in daemon.manifest() and GAP in daemon.manifest("other@1"))
    assert "count: 1\n" in daemon.manifest() and "count: 1\n" in daemon.manifest("other@1")
    supervised.program.end()


def at_the_end_nobody_waits_for_a_vigil(daemon):
    supervised = Supervised(daemon)
    supervised.peer.close()
    begun = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun < LOOKS
    assert "lost-records" not in daemon.manifest()
    supervised.program.end()


def at_the_end_a_call_that_waits_is_a_gap(daemon):
    supervised = Supervised(daemon)
    wait_for("its session", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    supervised.program.call()
    supervised.program.wait_until_it_waits()
    supervised.kill_supervisor()
    assert daemon.stop() == 0
    assert GAP in daemon.manifest()
    supervised.program.end()


def descriptors_that_are_no_vigil(daemon):
    program = Program()
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wrong = ([], [program.listener], [one.fileno(), program.listener], [one.fileno(), other.fileno()])
    for fds in wrong:
        peer = Peer(daemon, [path("/etc/hostname")])
        vigil(peer, fds)
        peer.close()
    program.end()
    never_a_gap_of(daemon, "/etc/hostname")
    assert daemon.counter("supervisors whose end would go unnoticed") == len(wrong)


def descriptors_that_nobody_asked_for(daemon):
    program = Program()
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stream, _ = socket.socketpair()
    pipe, _ = os.pipe()
    plain = os.open("/etc/passwd", os.O_RDONLY)
    for fds in ([program.listener, plain], [plain, one.fileno()], [program.listener, pipe],
                [program.listener, stream.fileno()], [program.listener, one.fileno(), other.fileno()],
                [plain] * 200):
        peer = Peer(daemon, GOOD)
        vigil(peer, fds)
        assert refused(peer.socket), fds
        peer.close()
    program.end()
    wait_for("the gap", lambda: 'kind: "dropped-session"' in daemon.manifest())
    assert len(os.listdir("/proc/%d/fd" % daemon.process.pid)) < 50


def never_a_gap_of(daemon, name):
    wait_for("its file", lambda: has_file(daemon.manifest(), name))
    assert daemon.stop() == 0
    assert "gaps {" not in daemon.manifest(), daemon.manifest()


def sockets(daemon):
    folder = "/proc/%d/fd" % daemon.process.pid
    return sum(read_link(folder + "/" + fd).startswith("socket:") for fd in os.listdir(folder))


def no_more_than_so_many(daemon):
    held = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    all_of_them = []
    for _ in range(60):
        supervised = Supervised(daemon)
        supervised.peer.close()
        all_of_them.append(supervised)
    wait_for("the sessions", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    now = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    assert now <= 80, "%d descriptors, before %d" % (now, held)
    for supervised in all_of_them:
        supervised.program.end()
        supervised.let_go()
    wait_for("their end", lambda: sockets(daemon) == 1)
    assert daemon.stop() == 0
    assert daemon.counter("supervisors whose end would go unnoticed") > 0


def with_few_descriptors(_):
    few = Daemon(descriptors=120)
    try:
        no_more_than_so_many(few)
    finally:
        few.remove()


def a_vigil_keeps_no_other_session(daemon):
    """Sessions are forgotten after half a minute. One that is kept must not keep those after it."""
    supervised = Supervised(daemon)
    supervised.peer.close()
    for _ in range(5000):
        Peer(daemon, GOOD).close()
    wait_for("the sessions", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    time.sleep(3)  # until the last of them is heard
    before = daemon.memory_kib("VmRSS")
    time.sleep(35)
    for _ in range(5000):
        Peer(daemon, GOOD).close()
    time.sleep(3)
    assert daemon.memory_kib("VmRSS") < before * 1.1, (before, daemon.memory_kib("VmRSS"))
    supervised.program.end()


if __name__ == "__main__":
    run([a_vigil_keeps_no_other_session, a_program_that_outlives_its_supervisor,
         a_call_that_was_received_and_never_answered, a_supervisor_that_is_killed_after_its_session_was_over,
         a_program_that_makes_no_call_any_more, a_supervisor_that_lives_on_is_told_of_again_and_again,
         a_program_that_ends_first, both_killed_the_supervisor_first, each_application_has_the_gap_once,
         at_the_end_nobody_waits_for_a_vigil, at_the_end_a_call_that_waits_is_a_gap, descriptors_that_are_no_vigil,
         descriptors_that_nobody_asked_for, with_few_descriptors])

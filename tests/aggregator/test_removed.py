#!/usr/bin/env python3
"""The socket is removed while the daemon runs: it goes on where its name leads."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *


def said(daemon, application, name, version="1"):
    return 'path: "%s"' % name in daemon.manifest("%s@%s" % (application, version))


def hears(daemon, application):
    """A process that starts now is heard."""
    name = "/usr/lib/of-" + application
    def connected():
        try:
            Peer(daemon, [path(name, error=2)], application=application).close()
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    wait_for("somebody to listen", connected)
    wait_for("what it says", lambda: said(daemon, application, name))


def socket_that_is_removed(daemon):
    for turn in range(2):
        os.unlink(daemon.socket)
        hears(daemon, "turn-%d" % turn)
    assert daemon.stderr().count("socket: was removed; it is there again") == 2, daemon.stderr()
    assert os.stat(daemon.socket).st_mode & 0o777 == 0o666
    assert daemon.stop() == 0
    assert not os.path.exists(daemon.socket), "left behind"


def who_has_found_the_old_socket(daemon):
    """... is heard as well, though its process has ended."""
    daemon.process.send_signal(signal.SIGSTOP)
    for i in range(300):
        Peer(daemon, [path("/usr/lib/late-%d" % i, error=2)]).close()
    os.unlink(daemon.socket)
    daemon.process.send_signal(signal.SIGCONT)
    wait_for("a new socket", lambda: os.path.exists(daemon.socket))
    wait_for("all of them", lambda: daemon.manifest().count('path: "/usr/lib/late-') == 300)


def socket_of_somebody_else(daemon):
    os.unlink(daemon.socket)
    other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other.bind(daemon.socket)
    other.listen()
    time.sleep(2.5)
    assert "there again" not in daemon.stderr()
    other.close()
    os.unlink(daemon.socket)
    hears(daemon, "later")


run([socket_that_is_removed, who_has_found_the_old_socket, socket_of_somebody_else])

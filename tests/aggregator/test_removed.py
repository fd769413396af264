#!/usr/bin/env python3
# time-limit: 240
"""The socket and the spool are removed, renamed or mounted over while the daemon runs: it goes on where
their names lead, nothing that can be read is lost, and what may be lost is a gap."""
import ctypes, os, shutil, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

LOST = "the spool was removed"


def said(daemon, application, name, version="1"):
    return 'path: "%s"' % name in daemon.manifest("%s@%s" % (application, version))


def spooled(daemon, name, application="app", session=None, file="records.0", directory=None, **more):
    """As a process does that finds nobody."""
    entry = spool_entry(hello(session or os.urandom(16), application), slot(path(name, error=2, **more)))
    append_to_spool(daemon, entry, file, directory)


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
    assert daemon.stderr().count("socket: was removed or replaced; it is there again") == 2, daemon.stderr()
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
    other = replace_socket(daemon, served=True)
    time.sleep(2.5)
    assert "there again" not in daemon.stderr()
    other.close()
    os.unlink(daemon.socket)
    hears(daemon, "later")


def socket_of_a_daemon_that_is_gone(daemon):
    """A volume is mounted there, with a socket that an earlier daemon has left."""
    replace_socket(daemon, served=False).close()
    hears(daemon, "app")
    assert daemon.stop() == 0
    assert not os.path.exists(daemon.socket), "left behind"


def everything_is_removed(daemon):
    """As if the volume had been emptied: said once, until there is a place for the socket again."""
    daemon.kill()
    folder = daemon.directory + "/shared"
    os.mkdir(folder)
    daemon.socket, daemon.spool = folder + "/socket", folder + "/spool"
    daemon.start()
    person = Peer(daemon, [path("/etc/passwd")])
    wait_for("the records", lambda: person.acknowledged() == len(person.log))
    shutil.rmtree(folder)
    for what in "socket: was removed or replaced, and cannot be made again", "spool: was removed or renamed, and":
        wait_for("trouble", lambda: what in daemon.stderr())
    time.sleep(2.5)
    assert daemon.stderr().count("No such file or directory") == 2, daemon.stderr()
    os.mkdir(folder)
    hears(daemon, "later")
    wait_for("a spool", lambda: os.path.isdir(daemon.spool))
    assert os.stat(daemon.spool).st_mode & 0o7777 == 0o1777
    spooled(daemon, "/usr/lib/spooled", "spooled")
    wait_for("what is spooled", lambda: said(daemon, "spooled", "/usr/lib/spooled"))
    wait_for("the gap", lambda: LOST in daemon.manifest())
    person.close()
    assert daemon.stop() == 0


def spool_that_is_removed(daemon):
    """Processes make it again, or the daemon does."""
    person = Peer(daemon, [path("/etc/passwd")])
    wait_for("the records", lambda: person.acknowledged() == len(person.log))
    shutil.rmtree(daemon.spool)
    wait_for("a spool", lambda: os.path.isdir(daemon.spool))
    wait_for("the gap", lambda: LOST in daemon.manifest())
    spooled(daemon, "/usr/lib/spooled", "spooled")
    wait_for("what is spooled", lambda: said(daemon, "spooled", "/usr/lib/spooled"))
    assert daemon.stderr().count("spool: ") == 1, daemon.stderr()
    # Of an application that was heard of later the spool may have been missed, too.
    Peer(daemon, [path("/etc/group")], application="older", started=1).close()
    wait_for("the gap of who came later", lambda: "lost-records" in daemon.manifest("older@1"))
    Peer(daemon, [path("/etc/group")], application="younger", started=time.time_ns()).close()
    wait_for("what a younger one says", lambda: has_file(daemon.manifest("younger@1"), "/etc/group"))
    assert "lost-records" not in daemon.manifest("younger@1")
    person.close()
    assert daemon.stop() == 0


def spool_that_is_renamed(daemon):
    """What was in it is read and removed, what is in its place as well, and nothing is missing."""
    person = Peer(daemon, [path("/etc/passwd")])
    wait_for("the records", lambda: person.acknowledged() == len(person.log))
    daemon.process.send_signal(signal.SIGSTOP)
    spooled(daemon, "/usr/lib/old", "old")
    os.rename(daemon.spool, daemon.spool + ".old")
    os.mkdir(daemon.spool)
    os.chmod(daemon.spool, 0o1777)
    spooled(daemon, "/usr/lib/new", "new")
    daemon.process.send_signal(signal.SIGCONT)
    for name in "old", "new":
        wait_for("the records in the %s one" % name, lambda: said(daemon, name, "/usr/lib/" + name))
    for folder in daemon.spool, daemon.spool + ".old":
        wait_for("no records", lambda: not [n for n in os.listdir(folder) if n.startswith(("records", "taken"))])
    assert not [name for name in daemon.written() if "gaps" in daemon.manifest(name[:-len(".footprint")])]
    person.close()
    assert daemon.stop() == 0


def mounted_over(daemon):
    """... and away again."""
    for turn in range(2):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "none", daemon.spool], stderr=subprocess.DEVNULL).returncode:
            print("cannot mount a tmpfs: left out")
            return
        try:
            spooled(daemon, "/usr/lib/over-%d" % turn)
            wait_for("what is in it", lambda: said(daemon, "app", "/usr/lib/over-%d" % turn))
        finally:
            subprocess.run(["umount", "-l", daemon.spool], check=True)
        spooled(daemon, "/usr/lib/under-%d" % turn)
        wait_for("what is below it", lambda: said(daemon, "app", "/usr/lib/under-%d" % turn))
    assert daemon.stop() == 0


def killed_afterwards(daemon):
    """The next daemon finds in the new spool all that it needs: nothing is counted twice, and relative paths lead
    where they led."""
    runs = {}
    known = directory_id(0, "/usr/share")
    for application in "undisturbed", "disturbed":
        person = Peer(daemon, [number(1, 5) + data(4, "/usr/share") + fixed(7, known), path("/etc/passwd")],
                      application=application)
        wait_for("the records", lambda: person.acknowledged() == len(person.log))
        if application == "disturbed":
            shutil.rmtree(daemon.spool)
            wait_for("the gap", lambda: LOST in daemon.manifest(application + "@1"))
            wait_for("its counts", lambda: os.path.getsize(daemon.spool + "/counted") > 0)
        daemon.kill()
        append_to_spool(daemon, spool_entry(person.hello, person.log + slot(path("doc", access=LIST, directory=known))))
        person.close()
        daemon.start()
        wait_for("the relative path", lambda: has_file(daemon.manifest(application + "@1"), "/usr/share/doc"))
        assert daemon.stop() == 0
        runs[application] = re.search(r"^runs \{\n(.*?)^\}", without_times(daemon.manifest(application + "@1")), re.M | re.S)[1]
        daemon.start()
    assert runs["disturbed"] == runs["undisturbed"], runs


def replaced_when_just_made(daemon):
    """Whoever may write to the directory may put symlinks in their place. What these lead to keeps its mode."""
    if not shutil.which("strace"):
        return
    daemon.kill()
    os.unlink(daemon.socket)
    shutil.rmtree(daemon.spool)
    daemon.has_spool = False
    secret, private = daemon.directory + "/secret", daemon.directory + "/private"
    os.close(os.open(secret, os.O_CREAT, 0o600))
    os.mkdir(private, 0o700)

    def replace():
        for name, victim in (daemon.socket, secret), (daemon.spool, private):
            wait_for(name, lambda: os.path.exists(name))
            os.rename(name, name + ".own")
            os.symlink(victim, name)

    daemon.wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=chmod,fchmod:delay_enter=1000000"]
    other = threading.Thread(target=replace)
    other.start()
    try:
        daemon.start()
    except AssertionError:
        assert "spool: cannot be opened" in daemon.stderr(), daemon.stderr()
    other.join()
    assert os.stat(secret).st_mode & 0o7777 == 0o600, oct(os.stat(secret).st_mode)
    assert os.stat(private).st_mode & 0o7777 == 0o700, oct(os.stat(private).st_mode)


run([socket_that_is_removed, who_has_found_the_old_socket, socket_of_a_daemon_that_is_gone, socket_of_somebody_else, spool_that_is_removed, spool_that_is_renamed,
     mounted_over, everything_is_removed, killed_afterwards, replaced_when_just_made])

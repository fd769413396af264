#!/usr/bin/env python3
"""After SIGTERM, at any moment, everything that was recorded before is soon in a manifest on disk."""
# time-limit: 240
import fcntl, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from peer import *

APPLICATIONS = 500
SYNCS_SECONDS = 2 * APPLICATIONS * 0.02  # one after another, on that slow disk
SOON_SECONDS = 5
SESSIONS, VERSIONS, PROCESSOR_SECONDS = 80000, 2000, 3


def spool(daemon, records, name="records.0"):
    append_to_spool(daemon, spool_entry(hello(os.urandom(16)), b"".join(slot(r) for r in records)), name)


def as_soon_as_it_listens(daemon):
    """As soon as the socket is visible, SIGTERM must neither kill the daemon nor keep it from writing a
    last manifest."""
    daemon.kill()
    os.unlink(daemon.socket)
    for turn in range(20):
        name = "/usr/lib/turn-%d" % turn
        spool(daemon, [path(name, error=2)])
        process = subprocess.Popen(
            [BUILD + "/footprintd", "--socket", daemon.socket, "--manifests", daemon.manifests,
             "--interval", "3600"], stderr=subprocess.DEVNULL)
        while not os.path.exists(daemon.socket):
            assert process.poll() is None, process.returncode
        process.terminate()
        assert process.wait(LIMIT_SECONDS) == 0, "status %d" % process.returncode
        assert 'missing {\n  path: "%s"\n' % name in daemon.manifest(), "not read to its end"
        assert not os.path.exists(daemon.spool + "/records.0")


def a_writer_may_finish(daemon):
    """A process is still writing its entry when the daemon is stopped, which waits for it."""
    daemon.kill()
    with open(daemon.spool + "/records.0", "ab") as writing:
        fcntl.flock(writing, fcntl.LOCK_SH)
        daemon.start()
        daemon.process.terminate()
        wait_for("the file is taken", lambda: not os.path.exists(daemon.spool + "/records.0"))
        writing.write(spool_entry(hello(os.urandom(16)), slot(path("/etc/passwd"))))
        writing.flush()
        fcntl.flock(writing, fcntl.LOCK_UN)
    assert daemon.process.wait(LIMIT_SECONDS) == 0
    assert has_file(daemon.manifest(), "/etc/passwd"), "the entry was left behind"


def a_lock_held_for_ever(daemon):
    """A process that merely holds the lock cannot delay the daemon; what it wrote is left to a successor."""
    with open(daemon.spool + "/records.0", "ab") as writing:
        fcntl.flock(writing, fcntl.LOCK_SH)
        spool(daemon, [path("/etc/passwd")])
        assert daemon.stop() == 0
    daemon.start()
    wait_for("the entry", lambda: has_file(daemon.manifest(), "/etc/passwd"))


FLOOD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from peer import *
class Daemon: socket = sys.argv[2]
session = os.urandom(16)
s = connect(Daemon)
say_hello(s, hello(session), [])
log = slot(path("/etc/passwd")) * 2000
try:
    for turn in range(1 << 30):
        segment, offset = divmod(turn % (1 << 15) * len(log), 15 << 20)
        s.send(data(2, data(1, session) + number(2, segment) + fixed(3, offset) + data(4, log)))
except OSError:
    pass
"""


def those_who_never_stop_talking(daemon):
    """They are heard for a while. As long as a slow disk keeps what they say from being applied, no more is taken
    than waits at other times."""
    daemon.kill()
    if shutil.which("strace"):
        daemon.wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync",
                          "-e", "inject=fsync:delay_enter=1500000"]
    daemon.start()
    floods = [subprocess.Popen([sys.executable, "-c", FLOOD, HERE, daemon.socket]) for _ in range(2)]
    wait_for("a manifest that is being written", lambda: [n for n in os.listdir(daemon.manifests) if n.endswith(".tmp")])
    daemon.process.send_signal(signal.SIGTERM)
    _, daemon.process.returncode, used = os.wait4(daemon.process.pid, 0)
    assert daemon.process.returncode == 0
    assert [flood.wait(LIMIT_SECONDS) for flood in floods] == [0, 0]
    assert has_file(daemon.manifest(), "/etc/passwd")
    assert used.ru_maxrss < 100 << 10, "%d KiB" % used.ru_maxrss


def one_that_has_just_been_executed(daemon):
    """--one-run: between an exec and the new image's hello, nobody is connected. Who says hello soon after SIGTERM is
    heard, and lives on when the run has ended; who does so later is a gap, too."""
    for delay in (0, 0.005, 0.02, 0.05, 0.1, 1):
        shell = Peer(daemon, [execute("/usr/bin/sleep")])
        shell.close()
        daemon.process.terminate()
        stopped = time.monotonic()
        time.sleep(delay)
        try:
            late = Peer(daemon, [path("/etc/hostname")], executable="/usr/bin/sleep")
            in_time = time.monotonic() - stopped < 0.4
        except (ConnectionError, FileNotFoundError):
            in_time = False
        assert daemon.process.wait(LIMIT_SECONDS) == 0
        manifest = daemon.manifest()
        gaps = re.findall(r'^gaps \{\n  kind: "(.*)"', manifest, re.M)
        assert gaps == ["still-running"] if in_time else gaps in (["no-hello"], ["still-running"]), (delay, gaps)
        assert has_file(manifest, "/etc/hostname") or not in_time, delay
        assert "ended_ns" in manifest, delay
        os.unlink(daemon.manifests + "/app@1.footprint")
        daemon.start()


one_that_has_just_been_executed.options = ["--one-run"]


def nobody_is_heard_in_vain(daemon, sync_seconds=1):
    """While the last manifest is written nobody can connect or send any more. What was sent is in there."""
    daemon.kill()
    daemon.wrapper = slow_disk(daemon.directory, sync_seconds)
    daemon.start()
    session, s, sent, came = os.urandom(16), connect(daemon), 0, 0
    log = slot(path("/before/it", error=2))
    say_hello(s, hello(session), [])
    s.send(batch(session, log))
    wait_for("a manifest begun", daemon.written)
    daemon.process.terminate()
    sends = comes = True
    while sends or comes:
        try:
            record = slot(path("/sent/%04d" % sent, error=2))
            s.send(batch(session, record, len(log)))
            log, sent = log + record, sent + 1
        except BrokenPipeError:
            sends = False
        try:
            Peer(daemon, [path("/came/%04d" % came, error=2)]).close()
            came += 1
        except ConnectionRefusedError:
            comes = False
        except BrokenPipeError:
            pass  # it was accepted, and then could not say hello any more
        assert daemon.process.poll() is None, "it had ended"
        time.sleep(0.005)
    assert daemon.process.wait(LIMIT_SECONDS) == 0
    manifest = daemon.manifest()
    assert sent and (manifest.count("/sent/"), manifest.count("/came/")) == (sent, came), (sent, came, manifest)


def nobody_is_heard_in_vain_by_one_that_is_late(daemon):
    """The same when the disk was busy with another manifest for so long that nobody was listened to any more."""
    nobody_is_heard_in_vain(daemon, 2.5)


def another_socket_in_its_place(daemon):
    """A socket that somebody else has put there is not removed."""
    other = replace_socket(daemon, served=True)
    assert daemon.stop() == 0
    assert os.path.exists(daemon.socket), "removed"
    other.close()


def many_files_of_a_killed_one(daemon):
    """Killed aggregators have left more files than are read at a time."""
    daemon.kill()
    for i in range(600):
        spool(daemon, [path("/usr/lib/many-%d" % i, error=2)], "taken.%d" % (i + 1))
    daemon.start()
    assert daemon.stop() == 0
    manifest = daemon.manifest()
    while manifest.count("\nmissing {") < 600:
        left = len(os.listdir(daemon.spool))
        assert left, "files are gone, their records are not there"
        daemon.start()
        wait_for("fewer files", lambda: len(os.listdir(daemon.spool)) < left)
        assert daemon.stop() == 0
        manifest = daemon.manifest()


def many_applications(daemon, *wrapper):
    """A daemon that has not written anything of them yet."""
    daemon.kill()
    daemon.wrapper, daemon.interval = wrapper, "3600"
    daemon.start()
    for version in range(APPLICATIONS):
        Peer(daemon, [path("/usr/lib/of-%d" % version, error=2)], version=str(version)).close()


def many_applications_on_a_slow_disk(daemon):
    """Service managers wait for ten seconds."""
    many_applications(daemon, *slow_disk(daemon.directory, 0.02))
    begun = time.monotonic()
    assert daemon.stop() == 0
    took = time.monotonic() - begun
    assert took < SOON_SECONDS < SYNCS_SECONDS, "%.1f s" % took
    for version in range(APPLICATIONS):
        assert "/usr/lib/of-%d" % version in daemon.manifest("app@%d" % version), version


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def daemon_has_work(daemon):
    before = daemon.cpu_seconds()
    time.sleep(1)
    return daemon.cpu_seconds() - before > 0.1


def many_sessions_of_many_applications(daemon):
    """Each is looked at once, and not once for each application."""
    daemon.kill()
    daemon.interval = "3600"
    daemon.start()
    records = slot(path("/usr/lib/of", error=2))
    for number in range(SESSIONS):
        session = os.urandom(16)
        stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        while stranger.connect_ex(daemon.socket):  # it has much to do
            time.sleep(0.01)
        say_hello(stranger, hello(session, version=str(number % VERSIONS)), [])
        stranger.send(batch(session, records))
        stranger.close()
    wait_for("all of them", lambda: not daemon_has_work(daemon))
    before = daemon.cpu_seconds() + children_seconds()
    assert daemon.stop() == 0
    took = children_seconds() - before
    assert took < PROCESSOR_SECONDS, "%.1f s" % took


def what_is_written_lasts(daemon):
    """As strace tells: no name leads to a file that is not on disk, and at last all names are there."""
    trace = daemon.directory + "/trace"
    many_applications(daemon, "strace", "-D", "-f", "-y", "-e", "signal=none", "-e", "trace=fsync,renameat,renameat2,write",
                      "-o", trace)
    assert daemon.stop() == 0
    written, synced, waiting, placed, lasting = set(), set(), {}, set(), set()
    for line in open(trace, errors="replace"):
        thread, call = line.split(None, 1)
        there = set(placed)
        if call.startswith("fsync") and "unfinished" in call:
            waiting[thread] = call.split(" <unfinished")[0], there
        elif call.startswith("<... fsync resumed>"):
            begun, there = waiting.pop(thread)
            call = begun + call.split("resumed>")[1]
        done = re.match(r"(write|fsync)\(\d+<(.*?)>.* = \d+$", call.rstrip())
        named = re.match(r'renameat2?\(.*, "\.(.*\.footprint)\.tmp", ', call)
        name = os.path.basename(done[2])[1:-len(".tmp")] if done else None
        if named:
            assert named[1] in synced, "renamed, and not on disk: " + named[1]
            placed.add(named[1])
        elif done and done[2] == os.path.realpath(daemon.manifests):
            lasting |= there
        elif done and done[2].endswith(".tmp"):
            (written if done[1] == "write" else synced).add(name)
    assert len(written) == len(placed) == APPLICATIONS and lasting == placed, (len(written), len(placed), len(lasting))


def told_to_write(daemon):
    """SIGHUP, which a terminal also sends when it is closed, makes it write manifests, and it goes on. (At first it
    may know nothing yet.)"""
    daemon.stop()
    daemon.interval = "3600"
    daemon.start()
    Peer(daemon, [path("/etc/passwd")]).close()

    def written():
        daemon.process.send_signal(signal.SIGHUP)
        return has_file(daemon.manifest(), "/etc/passwd")

    wait_for("the manifest", written)
    Peer(daemon, [path("/etc/group")]).close()
    assert daemon.stop() == 0
    assert has_file(daemon.manifest(), "/etc/group")


run([told_to_write, many_applications_on_a_slow_disk, many_sessions_of_many_applications, what_is_written_lasts,
     one_that_has_just_been_executed, as_soon_as_it_listens, a_writer_may_finish, a_lock_held_for_ever,
     those_who_never_stop_talking, nobody_is_heard_in_vain,
     nobody_is_heard_in_vain_by_one_that_is_late, another_socket_in_its_place, many_files_of_a_killed_one])

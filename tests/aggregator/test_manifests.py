#!/usr/bin/env python3
"""The directory of manifests belongs to one daemon, and may change while that runs."""
# time-limit: 240
import base64, os, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *


def another_daemon_on_the_same_manifests(daemon):
    """A second daemon would overwrite what the first has written, so it reports that, and does not start."""
    other = subprocess.run([BUILD + "/footprintd", "--socket", daemon.directory + "/other", "--manifests",
                            daemon.manifests, "--spool", daemon.directory + "/others"],
                           stderr=subprocess.PIPE, text=True, timeout=LIMIT_SECONDS)
    assert other.returncode == 1, other
    assert daemon.manifests + ": in use by another footprintd" in other.stderr, other
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the first goes on", lambda: has_file(daemon.manifest(), "/etc/passwd"))


def say_more(peer, record):
    """Appends a record to the memory of a peer."""
    at = 64 + len(peer.hello) + -len(peer.hello) % 8 + len(peer.log)
    os.pwrite(peer.memory, slot(record), at)
    peer.log += slot(record)


def says_new_things_for(seconds, daemon, application):
    """How long it takes until the application has its first manifest, of the time that a program of it goes on
    saying new things. None: it has none yet."""
    peer = Peer(daemon, [path("/etc/passwd")], application=application)
    began, first = time.monotonic(), None
    for number in range(int(seconds * 10)):
        say_more(peer, path("/etc/no-such-%d" % number, error=2))
        time.sleep(0.1)
        if first is None and application + "@1.footprint" in os.listdir(daemon.manifests):
            first = time.monotonic() - began
    peer.close()
    return first


def the_first_waits_until_programs_are_calm(daemon):
    """A package database is not read while programs start, but after five seconds whatever they do; and a later
    application in the same root does not wait."""
    assert says_new_things_for(3.5, daemon, "app") is None
    wait_for("the first", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    assert 'name: "coreutils"' in daemon.manifest(), "no package of /usr/bin/env"
    assert says_new_things_for(3.5, daemon, "later") < 3.5
    other = Daemon(interval="1.2")
    try:
        assert 4 < says_new_things_for(9, other, "app") < 9
    finally:
        other.remove()


the_first_waits_until_programs_are_calm.options = ("--interval", "1.2")


def new_containers_all_the_time(daemon):
    """Each is waited for by itself, but the manifests of all wait no longer than five seconds in all."""
    folder = tempfile.mkdtemp(prefix="footprintd-roots-")
    peer, began = Peer(daemon, [path("/etc/passwd")]), time.monotonic()
    try:
        for number in range(60):
            if peer.acknowledged() == len(peer.log):
                break
            root, name = "%s/%d" % (folder, number), "/etc/%d" % number
            os.makedirs(root + "/etc")
            open(root + name, "w").close()
            session = hello(os.urandom(16), application="other", top=root)
            top, memory_fd = os.open(root, os.O_PATH | os.O_DIRECTORY), memory(slot(path(name)), session)
            with connect(daemon) as s:
                say_hello(s, session, [memory_fd, top], root=False)
                time.sleep(0.25)
            os.close(top)
            os.close(memory_fd)
        waited = time.monotonic() - began
    finally:
        shutil.rmtree(folder)
    peer.close()
    assert waited < 10, waited


new_containers_all_the_time.options = ("--interval", "1.2")


def a_killed_daemon_holds_nothing(daemon):
    daemon.kill()
    daemon.start()
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/passwd"))


def manifests_that_are_removed(daemon):
    """If it is removed, the directory is made again, with the manifests of applications that are still
    known."""
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the first", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    shutil.rmtree(daemon.manifests)
    peer = Peer(daemon, [path("/etc/group")])
    wait_for("the second", lambda: has_file(daemon.manifest(), "/etc/group"))
    assert has_file(daemon.manifest(), "/etc/passwd"), "what was known before is gone"
    wait_for("an acknowledgement", lambda: peer.acknowledged() == len(peer.log))
    assert daemon.stderr().count("it is there again") == 1, daemon.stderr()
    peer.close()


def many_manifests_that_are_removed(daemon):
    """... not only of the one that has something new."""
    quiet = Peer(daemon, [path("/etc/passwd")], application="quiet")
    busy = Peer(daemon, [path("/etc/passwd")], application="busy")
    for peer in quiet, busy:
        wait_for("the first", lambda: peer.acknowledged() == len(peer.log))
    shutil.rmtree(daemon.manifests)
    Peer(daemon, [path("/etc/group")], application="busy")
    wait_for("what is new", lambda: has_file(daemon.manifest("busy@1"), "/etc/group"))
    wait_for("what is not", lambda: has_file(daemon.manifest("quiet@1"), "/etc/passwd"))


def a_place_that_is_gone(daemon):
    """As long as the directory cannot be made, the log says so once, and nothing is lost."""
    daemon.kill()
    daemon.manifests = daemon.directory + "/above/manifests"
    os.mkdir(daemon.directory + "/above")
    daemon.start()
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the first", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    shutil.rmtree(daemon.directory + "/above")
    Peer(daemon, [path("/etc/group")]).close()
    wait_for("trouble", lambda: "manifests: cannot be made: No such file or directory" in daemon.stderr())
    time.sleep(11)  # two further attempts
    os.mkdir(daemon.directory + "/above")
    wait_for("the second", lambda: has_file(daemon.manifest(), "/etc/group"))
    assert daemon.stderr().count("cannot be made") == 1, daemon.stderr()
    assert daemon.stop() == 0


def many_that_cannot_be_written(daemon):
    """A full disk does not fill the log."""
    daemon.kill()
    daemon.manifests = daemon.directory + "/above/manifests"
    os.mkdir(daemon.directory + "/above")
    daemon.start()
    people = [Peer(daemon, [path("/etc/passwd")], version=str(version)) for version in range(50)]
    for person in people:
        wait_for("the first", lambda: person.acknowledged() == len(person.log))
    shutil.rmtree(daemon.directory + "/above")
    for version in range(50):
        Peer(daemon, [path("/etc/group")], version=str(version)).close()
    wait_for("trouble", lambda: "cannot be written" in daemon.stderr())
    os.mkdir(daemon.directory + "/above")
    for version in range(50):
        wait_for("the second", lambda: has_file(daemon.manifest("app@%d" % version), "/etc/group"))
    said = [line for line in daemon.stderr().splitlines() if "be written" in line]
    others = sum(int(re.search(r"nor can (\d+) others|$", line)[1] or 1) for line in said)
    assert len(said) <= 4 and others == 50, said
    assert re.search("footprintd: app@[0-9]+.footprint: cannot be written: No such file or directory$", "\n".join(said), re.M), said


def manifests_that_are_renamed(daemon):
    """If the directory is renamed, manifests are continued there, and not in another directory that has
    its old name now. The log says so."""
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the first", lambda: has_file(daemon.manifest(), "/etc/passwd"))
    wait_for("the end of its run", lambda: "ended_ns" in daemon.manifest())
    time.sleep(1)  # for the daemon to forget the application
    named, daemon.manifests = daemon.manifests, daemon.manifests + ".moved"
    os.rename(named, daemon.manifests)
    os.mkdir(named)
    Peer(daemon, [path("/etc/group")]).close()
    wait_for("the second", lambda: has_file(daemon.manifest(), "/etc/group"))
    assert has_file(daemon.manifest(), "/etc/passwd"), "the manifest was not continued"
    assert os.listdir(named) == [], os.listdir(named)
    wait_for("a word", lambda: named + ": was renamed, or something was mounted there" in daemon.stderr())
    assert daemon.stderr().count("was renamed") == 1, daemon.stderr()


def unreadable_manifests_are_all_kept(daemon):
    """Unreadable manifests are put aside under different names, and the log mentions them by name."""
    for number, content in enumerate((b"one", b"two", b"three")):
        daemon.stop()
        with open(daemon.manifests + "/app@1.footprint", "wb") as file:
            file.write(content)
        daemon.start()
        Peer(daemon, [path("/etc/passwd")]).close()
        aside = "app@1.footprint.unreadable" + ("-%d" % (number + 1) if number else "")
        wait_for("another name", lambda: os.path.exists(daemon.manifests + "/" + aside))
        wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/passwd"))
        with open(daemon.manifests + "/" + aside, "rb") as file:
            assert file.read() == content
        assert "app@1.footprint: cannot be read" in daemon.stderr() and aside in daemon.stderr()
    assert "/proc/" not in daemon.stderr(), daemon.stderr()


def a_pipe_in_the_place_of_a_manifest(daemon):
    """The daemon does not wait for a pipe to which nobody will ever write."""
    os.mkfifo(daemon.manifests + "/app@1.footprint")
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("the manifest", lambda: os.path.isfile(daemon.manifests + "/app@1.footprint")
             and has_file(daemon.manifest(), "/etc/passwd"))
    assert daemon.stop() == 0


def a_file_system_that_cannot_rename_without_replacing(daemon):
    """NFS and 9p cannot rename without replacing. Files are nevertheless put aside and taken there as
    elsewhere."""
    if not shutil.which("strace"):
        print("skipped: needs strace")
        return
    daemon.kill()
    # -D: the daemon keeps its process id.
    daemon.wrapper = ["strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=renameat2",
                      "-e", "inject=renameat2:error=EINVAL"]
    for content, end in ((b"one", ""), (b"two", "-2")):
        with open(daemon.manifests + "/app@1.footprint", "wb") as file:
            file.write(content)
        daemon.start()
        Peer(daemon, [path("/etc/passwd")]).close()
        aside = daemon.manifests + "/app@1.footprint.unreadable" + end
        wait_for("another name", lambda: os.path.exists(aside))
        with open(aside, "rb") as file:
            assert file.read() == content
        wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/passwd"))
        assert daemon.stop() == 0


def more_than_a_manifest_may_hold(daemon):
    """The manifest says that it is full, later facts are dropped, and other applications go on. The names
    do not compress, so that 64 MiB of them suffice."""
    file = daemon.manifests + "/random@1.footprint"
    Peer(daemon, [path("/etc/hosts")], application="random").close()
    wait_for("a manifest", lambda: os.path.exists(file))
    for n in range(32):
        records = [path("/%d/%d/%s" % (n, i, base64.urlsafe_b64encode(os.urandom(3000)).decode()), error=2)
                   for i in range(800)]
        Peer(daemon, records, application="random", size=4 << 20).close()
    wait_for("a word about it", lambda: "random@1.footprint: cannot be written" in daemon.stderr(), 60)
    before = os.stat(file).st_ino
    wait_for("another manifest", lambda: os.stat(file).st_ino != before, 60)
    plain = subprocess.run(["zstd", "-dcq", file], stdout=subprocess.PIPE, check=True).stdout
    assert b"more than a manifest may hold" in plain and b"/etc/hosts" in plain
    peer = Peer(daemon, [path("/etc/passwd")], application="random")
    wait_for("acknowledgement", lambda: peer.acknowledged() == len(peer.log), 60)
    peer.close()
    Peer(daemon, [path("/etc/passwd")]).close()
    wait_for("another one", lambda: has_file(daemon.manifest(), "/etc/passwd"), 60)
    assert daemon.stop() == 0, daemon.stderr()
    assert "gaps {" not in daemon.manifest() and set(os.listdir(daemon.spool)) <= OWN_FILES


run([more_than_a_manifest_may_hold, unreadable_manifests_are_all_kept, a_pipe_in_the_place_of_a_manifest,
     a_file_system_that_cannot_rename_without_replacing, another_daemon_on_the_same_manifests,
     a_killed_daemon_holds_nothing, the_first_waits_until_programs_are_calm, new_containers_all_the_time,
     manifests_that_are_removed, many_manifests_that_are_removed, a_place_that_is_gone, many_that_cannot_be_written,
     manifests_that_are_renamed])

#!/usr/bin/env python3
"""Wrong usage: exit status 2, and a message that begins with the daemon's name, however it was called."""
import os, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *


def called(*arguments):
    return subprocess.run(["/elsewhere/another-name", *arguments], executable=BUILD + "/footprintd",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT_SECONDS)


def refuses(arguments, *words):
    ended = called(*arguments)
    said = ended.stderr.splitlines()
    assert ended.returncode == 2, "%s: status %d" % (arguments, ended.returncode)
    assert said and all(line.startswith("footprintd: ") for line in said), said
    for word in words:
        assert word in ended.stderr, "%s: says nothing of %s: %s" % (arguments, word, said)


def words_of_getopt(daemon):
    for wrong, why in [(["--nonsense"], "--nonsense: no such option"), (["-x"], "-x: no such option"),
                       (["--nonsense=1", "-h"], "--nonsense=1: no such option"),
                       (["--so"], "--so: needs an argument"), (["--socket"], "--socket: needs an argument"),
                       (["-i"], "-i: needs an argument"), (["--nice=1"], "--nice=1: takes no argument")]:
        ended = called(*wrong)
        assert (ended.returncode, ended.stdout, ended.stderr) == (
            2, "", "footprintd: %s; see 'footprintd --help'\n" % why), (wrong, ended)


def numbers_past_their_limits(daemon):
    for threads in ("0", "65", "-1", "two", ""):
        refuses(["--threads", threads], "--threads", "1 to 64")
    refuses(["--ready-fd", "-1"], "--ready-fd")
    refuses(["--allow-uid", "4294967295"], "--allow-uid")
    refuses(["--interval", "0"], "--interval")


def descriptors_that_are_none(daemon):
    refuses(["--ready-fd", "77"], "--ready-fd 77", "Bad file descriptor")
    for option in ("--help", "--version"):
        with open("/dev/full", "w") as full:
            ended = subprocess.run([BUILD + "/footprintd", option], stdout=full, stderr=subprocess.PIPE, text=True)
        assert ended.returncode == 2 and "No space left" in ended.stderr, (option, ended)


def numbers_at_their_limits(daemon):
    for threads in ("1", "64"):
        assert called("--threads", threads, "--version").returncode == 0


def standard_descriptors_that_are_closed(daemon):
    """None of the daemon's own files gets their numbers: it writes its manifests, and ends as usual."""
    daemon.stop()
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        os.makedirs(daemon.manifests, exist_ok=True)
        other = subprocess.Popen(["sh", "-c", 'exec "$@" ' + closed, "sh", BUILD + "/footprintd",
                                  "--socket", daemon.socket, "--manifests", daemon.manifests])
        wait_for("it listens", lambda: os.path.exists(daemon.socket) and can_connect(daemon))
        of = ["/proc/%d/fd/%d" % (other.pid, fd) for fd in range(3)]
        assert not [read_link(name) for name in of if read_link(name).startswith("anon_inode:")], closed
        Peer(daemon, [path("/etc/passwd")]).close()
        wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/passwd"))
        other.terminate()
        assert other.wait(LIMIT_SECONDS) == 0, (closed, other.returncode)
        shutil.rmtree(daemon.manifests)


def directory_that_is_missing(daemon):
    """That of the socket is made, as that of the manifests is; no more than one of each."""
    socket = daemon.directory + "/missing/socket"
    daemon.stop()
    other = subprocess.Popen([BUILD + "/footprintd", "--socket", socket, "--manifests", daemon.manifests,
                              "--ready-fd", "1"], stdout=subprocess.PIPE)
    assert other.stdout.read() == b"\n"
    umask = os.umask(0)
    os.umask(umask)
    assert os.stat(os.path.dirname(socket)).st_mode & 0o7777 == 0o755 & ~umask
    other.terminate()
    assert other.wait(LIMIT_SECONDS) == 0, other.returncode
    ended = called("--socket", daemon.directory + "/none/none/socket", "--manifests", daemon.manifests)
    assert ended.returncode == 1 and "none/socket: cannot listen: No such file or directory" in ended.stderr, ended


def can_connect(daemon):
    try:
        connect(daemon).close()
        return True
    except ConnectionError:
        return False


def standard_output_that_is_to_be_told(daemon):
    """--ready-fd 1 closes standard output; what is opened next must not be taken for it."""
    daemon.stop()
    other = subprocess.Popen([BUILD + "/footprintd", "--socket", daemon.socket, "--manifests",
                              daemon.manifests, "--ready-fd", "1"], stdout=subprocess.PIPE)
    assert other.stdout.read() == b"\n"
    other.terminate()
    assert other.wait(LIMIT_SECONDS) == 0, other.returncode


def words_behind_long_and_strange_names(daemon):
    """The reason is never cut off, and names cannot send commands to a terminal."""
    ended = called("--socket", "/none" + "/p" * 600 + "/s", "--manifests", daemon.directory + "/other")
    assert ended.returncode == 1 and "No such file or directory" in ended.stderr, ended
    ended = subprocess.run([BUILD + "/footprintd", b"a\xc2\x9bb\x9bc\x1bd\xc3\xa9"],
                           stderr=subprocess.PIPE, timeout=LIMIT_SECONDS)
    assert "a??b?c?d\u00e9: not an option" in ended.stderr.decode(), ended


run([words_of_getopt, numbers_past_their_limits, descriptors_that_are_none, numbers_at_their_limits,
     standard_descriptors_that_are_closed, standard_output_that_is_to_be_told,
     words_behind_long_and_strange_names, directory_that_is_missing])

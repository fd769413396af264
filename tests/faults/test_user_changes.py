#!/usr/bin/env python3
"""A server that starts as root and gives that up: what it does afterwards is in the manifest, whether an
aggregator was listening or not. And users of several user namespaces that have the same number."""
from faults import *

NOBODY = 65534
SERVER = """
import os, sys
read = lambda name: os.close(os.open(sys.argv[1] + "/" + name, os.O_RDONLY))
read("0")
os.setgid(%d)
os.setuid(%d)
read("1")
print("dropped", flush=True)
sys.stdin.readline()
read("2")
sys.stdin.readline()
""" % (NOBODY, NOBODY)
IN_NAMESPACE = """
import ctypes, os, sys
assert ctypes.CDLL(None).unshare(0x10000000) == 0  # CLONE_NEWUSER
print("made", flush=True)
sys.stdin.readline()
os.setgid(0)
os.setuid(0)
os.execv("/bin/cat", ["cat", sys.argv[1]])
"""


class Server:
    def __init__(self, daemon, data):
        self.process = subprocess.Popen([sys.executable, "-S", "-c", SERVER, data], env=watched(daemon),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"dropped\n"

    def goes_on(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def ends(self):
        self.process.communicate(b"\n")
        assert self.process.returncode == 0, self.process.returncode


def nobody_listens(daemon, data):
    daemon.kill()
    server = Server(daemon, data)
    server.goes_on()
    server.ends()
    daemon.start()


def nobody_listens_at_first(daemon, data):
    daemon.kill()
    server = Server(daemon, data)
    daemon.start()
    time.sleep(1.5)  # more than the second between two looks at the connection
    server.goes_on()
    server.ends()


def killed_in_between(daemon, data):
    server = Server(daemon, data)
    daemon.kill()
    time.sleep(1.5)
    server.goes_on()
    server.ends()
    daemon.start()


def always_there(daemon, data):
    server = Server(daemon, data)
    server.goes_on()
    server.ends()


def in_namespace(daemon, outer, file):
    """Reads a file as user 0 of a user namespace, who is `outer` outside."""
    process = subprocess.Popen([sys.executable, "-S", "-c", IN_NAMESPACE, file], env=watched(daemon),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"made\n"
    for kind in "uid", "gid":
        with open("/proc/%d/%s_map" % (process.pid, kind), "w") as maps:
            maps.write("0 %d 1000" % outer)
    process.communicate(b"\n")
    assert process.returncode == 0, process.returncode


def all_read(work, data):
    """Each user's file is in the manifest when work(daemon) has had them read while no daemon listens."""
    daemon = Daemon(interval="0.2")
    os.chmod(daemon.directory, 0o755)
    try:
        daemon.kill()
        work(daemon)
        daemon.start()
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
        for name in "012":
            assert accesses(manifest).get(data + "/" + name, 0) & READ, "%s is missing" % name
        assert not gaps(manifest), gaps(manifest)
    finally:
        daemon.remove()


def users_of_several_namespaces(data):
    """Containers with user namespaces of their own: each has a user 0, who owns a file in the spool."""
    def read(daemon):
        for name, outer in enumerate((100000, 200000, 0)):
            in_namespace(daemon, outer, "%s/%d" % (data, name))

    all_read(read, data)
    print("ok", users_of_several_namespaces.__name__)


def users_that_a_namespace_does_not_map(data):
    """They all have the same number in there, and so has the owner of the file in the spool, who is another
    user."""
    def read(daemon):
        as_nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        for name, way in enumerate((as_nobody, ["unshare", "-U"], as_nobody)):
            subprocess.run([*way, "cat", "%s/%d" % (data, name)], env=watched(daemon), check=True)

    all_read(read, data)
    print("ok", users_that_a_namespace_does_not_map.__name__)


def main():
    if os.geteuid():
        skip("needs root to give it up")
    folder = working_folder()
    data = data_folder(folder, 3)
    for case in (nobody_listens, nobody_listens_at_first, killed_in_between, always_there):
        daemon = Daemon(interval="0.2")
        os.chmod(daemon.directory, 0o755)
        try:
            case(daemon, data)
            wait_for("the spool read", lambda: daemon.process.poll() is None and settled(daemon))
            manifest = finish(daemon)
            for name in "012":
                assert accesses(manifest).get(data + "/" + name, 0) & READ, "%s: %s is missing" % (case.__name__, name)
            assert not gaps(manifest), gaps(manifest)
            print("ok", case.__name__)
        finally:
            daemon.remove()
    users_of_several_namespaces(data)
    users_that_a_namespace_does_not_map(data)


main()

#!/usr/bin/env python3
"""Programs that go on finding new files while nobody listens. Memory stays bounded, because what is in the
spool is released; workers that are forked meanwhile hold no lock of the spool; and an aggregator that
comes later gets everything."""
from faults import *

FILES = 150000
SHARED_MAX_KIB = 16 << 10  # all of it would be 40 MiB
PROGRAM = """
import os, sys
for i in range(int(sys.argv[2])):
    try:
        os.stat(sys.argv[1] + "/" + "x" * 180 + str(i))
    except FileNotFoundError:
        pass
    if i == int(sys.argv[2]) // 2:
        print([line.split()[1] for line in open("/proc/self/status") if line.startswith("RssShmem")][0], flush=True)
        sys.stdin.readline()
"""

WORKERS = 20
FORKS = """
import os, sys, threading, time

def find():
    for i in range(4000):
        try:
            os.stat("%s/found-%d" % (sys.argv[1], i))
        except FileNotFoundError:
            pass

thread = threading.Thread(target=find)
thread.start()
for _ in range(int(sys.argv[2])):
    time.sleep(0.002)
    if not os.fork():
        sys.stdin.read()
        os._exit(0)
thread.join()
print(flush=True)
sys.stdin.read()
os._exit(0)
"""


def memory_stays_bounded():
    daemon = Daemon(interval="0.5")
    try:
        daemon.kill()
        process = subprocess.Popen([sys.executable, "-S", "-c", PROGRAM, daemon.directory, str(FILES)],
                                   env=watched(daemon), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        shared = int(process.stdout.readline())
        print("%d KiB shared after %d files" % (shared, FILES // 2))
        assert shared < SHARED_MAX_KIB / 2, shared
        # The rest of the work is done under an aggregator, to which the process says hello again.
        daemon.start()
        process.communicate(b"\n")
        assert process.returncode == 0, process.returncode
        manifest = finish(daemon)
        there = {name for name in missing(manifest) if name.startswith(daemon.directory + "/xxx")}
        assert len(there) == FILES, len(there)
        assert not gaps(manifest), gaps(manifest)
    finally:
        daemon.remove()


def workers_forked_meanwhile():
    """A child that inherits a descriptor of the spool file also inherits its lock."""
    daemon = Daemon(interval="0.1")
    try:
        daemon.kill()
        process = subprocess.Popen([sys.executable, "-S", "-c", FORKS, daemon.directory, str(WORKERS)],
                                   env=watched(daemon), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        begun = time.monotonic()
        daemon.start()
        wait_for("all that was found", lambda: len([m for m in missing(daemon.manifest()) if "/found-" in m]) == 4000)
        spent = time.monotonic() - begun
        assert spent < 4, "the file was locked: %.1f s" % spent
        process.communicate(b"")
        assert process.returncode == 0
    finally:
        daemon.remove()


def nobody_could_keep_anything():
    """Users who may not make a spool, as in a container whose volume belongs to root: what ended before
    the aggregator came is lost, which the manifest says. Processes that live on report what they did;
    but a shell that only executes the same program again has nothing new to record."""
    folder, daemon, process = working_folder(), Daemon(interval="0.2", has_spool=False), None
    try:
        daemon.kill()
        for name in "before", "always":
            with open(folder + "/" + name, "w"):
                pass
        shutil.rmtree(daemon.spool)
        os.chmod(daemon.directory, 0o755)
        # dash starts programs by vfork.
        process = subprocess.Popen(["dash", "-c", "cat before; echo; while sleep 0.2; do cat always; done"],
                                   user=65534, group=65534, extra_groups=[], cwd=folder, env=watched(daemon),
                                   stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(6)  # until nothing that it executes is new any more
        daemon.start()
        wait_for("the shell", lambda: "dash" in daemon.manifest())
        process.kill()
        process.wait()
        manifest = finish(daemon)
        assert accesses(manifest).get(folder + "/always", 0) & READ, manifest
        assert not accesses(manifest).get(folder + "/before", 0), "what this test is about was kept"
        assert any("lost-records" in gap for gap in gaps(manifest)), gaps(manifest)
    finally:
        if process:
            process.kill()
        daemon.remove()


memory_stays_bounded()
if not os.geteuid():
    nobody_could_keep_anything()
workers_forked_meanwhile()

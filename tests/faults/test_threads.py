#!/usr/bin/env python3
# time-limit: 200
"""What a thread has recorded is kept, also if another one is at that moment about to announce a further segment, to
execute a program, or to end the process. strace holds it there."""
from faults import *

if not shutil.which("strace"):
    skip("needs strace")

HELD_US = 8000000  # far longer than it takes


def is_traced(program):
    with open("/proc/%d/status" % program.pid) as f:
        return "TracerPid:\t0\n" not in f.read()


def start(daemon, folder, way, call):
    """The process when its other thread has read the file, and strace, which holds the first one."""
    program = subprocess.Popen([FOLDER + "/threads", way, FOLDER + "/data"], env=watched(daemon),
                               stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", folder + "/trace", "-e", "trace=" + call, "-e",
                               "inject=%s:delay_enter=%d:when=1" % (call, HELD_US), "-p", str(program.pid)])
    wait_for("strace there", lambda: is_traced(program))
    program.stdin.write("\n")
    program.stdin.flush()
    assert program.stdout.readline() == "read\n", "it did not stand still"
    return program, tracer


def program_killed(daemon, program, tracer):
    program.kill()


def daemon_killed(daemon, program, tracer):
    """The process goes on to what it was about to do."""
    daemon.kill()
    tracer.terminate()


def held(daemon, folder, way, call, then):
    program, tracer = start(daemon, folder, way, call)
    then(daemon, program, tracer)
    status = program.wait(LIMIT_SECONDS)
    tracer.wait()
    program.stdout.close()
    program.stdin.close()
    if then == daemon_killed:
        assert status == 0, status
        daemon.start()


def keeps(way, call, then):
    """The test of one case: under which name a thread does what, where strace holds it, and what happens then."""
    def test(daemon):
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            held(daemon, folder, way, call, then)
        manifest = finish(daemon)
        assert accesses(manifest).get(FOLDER + "/data/0", 0) & READ, "the file is lost"
        assert not gaps(manifest), gaps(manifest)

    test.__name__ = way
    test.options = ("--interval", "30")
    return test


FOLDER = working_folder()
compiled("threads", FOLDER, "gcc", "-pthread")
data_folder(FOLDER, 1)
run([keeps("fill", "sendmsg", program_killed), keeps("exec", "execve", daemon_killed),
     keeps("exit", "exit_group", daemon_killed)])

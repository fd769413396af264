#!/usr/bin/env python3
"""A process that has changed its root reaches neither the socket of a new aggregator nor the spool any more, but
nothing is lost of what it does, whoever ends."""
from faults import *

NOBODY = 65534
IN_JAIL = """
import os, sys
os.chroot(sys.argv[1])
os.chdir("/")
if sys.argv[2:]:
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
print("done", flush=True)
for line in sys.stdin:
    os.path.exists("/" + line.strip())
    print("done", flush=True)
"""
# Forks a process that looks for more names than the rest of the cell holds that it shares with its parent.
FORKS = 'if (!fork) { chroot("%s") or die; for (1..%d) { -e "/%s-$_" } exit } wait'
NAMES, LONG_NAME = 800, "x" * 50


class Jailed:
    def __init__(self, daemon, jail, *user):
        self.jail = jail
        self.process = subprocess.Popen([sys.executable, "-S", "-c", IN_JAIL, jail, *user], env=watched(daemon),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout.readline() == "done\n"
        self.sought = set()

    def looks_for(self, name):
        self.process.stdin.write(name + "\n")
        assert self.process.stdout.readline() == "done\n"
        self.sought.add("%s/%s" % (self.jail, name))

    def ends(self):
        self.process.communicate()
        assert self.process.returncode == 0, self.process.returncode


def all_is_there(daemon, sought):
    assert sought <= missing(daemon.manifest()), (sorted(sought - missing(daemon.manifest()))[:5],
                                                  gaps(daemon.manifest()))
    assert not gaps(daemon.manifest()), gaps(daemon.manifest())


def ends_before_a_manifest(daemon, jail, *user):
    jailed = Jailed(daemon, jail, *user)
    daemon.process.send_signal(signal.SIGSTOP)
    jailed.looks_for("early")
    jailed.ends()
    daemon.kill()
    daemon.start()
    return jailed.sought


def ends_while_nobody_listens(daemon, jail, *user):
    jailed = Jailed(daemon, jail, *user)
    jailed.looks_for("early")
    daemon.kill()
    time.sleep(1.5)  # more than the second between two looks at the connection
    jailed.looks_for("alone")
    jailed.looks_for("alone-again")
    jailed.ends()
    daemon.start()
    return jailed.sought


def is_killed_while_nobody_listens(daemon, jail):
    jailed = Jailed(daemon, jail)
    daemon.kill()
    time.sleep(1.5)
    jailed.looks_for("alone")
    jailed.process.kill()
    jailed.process.wait()
    daemon.start()
    return jailed.sought


def goes_on_under_a_successor(daemon, jail):
    jailed = Jailed(daemon, jail)
    jailed.looks_for("early")
    for name in "first", "second":
        assert daemon.stop() == 0
        daemon.start()
        time.sleep(1.5)
        for i in range(3):
            jailed.looks_for("%s-%d" % (name, i))
        wait_for("what it goes on with", lambda: jailed.sought <= missing(daemon.manifest()))
    jailed.ends()
    return jailed.sought


def gives_up_root_as_well(daemon, jail):
    return (ends_before_a_manifest(daemon, jail + "/0", str(NOBODY))
            | ends_while_nobody_listens(daemon, jail + "/1", str(NOBODY)))


def fork_that_leaves_its_cell(daemon, jail):
    shell = subprocess.Popen(["bash", "--norc"], env=watched(daemon), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True, bufsize=1)

    def tell(command):
        shell.stdin.write(command + "; echo done\n")
        assert shell.stdout.readline() == "done\n"

    for _ in range(5):
        tell("/bin/true")
        time.sleep(0.3)
    daemon.process.send_signal(signal.SIGSTOP)
    tell("/usr/bin/perl -e '%s'" % (FORKS % (jail, NAMES, LONG_NAME)))
    daemon.kill()
    shell.communicate()
    daemon.start()
    return {"%s/%s-%d" % (jail, LONG_NAME, i + 1) for i in range(NAMES)}


def main():
    if os.geteuid():
        skip("needs root to change it")
    folder = working_folder()
    failed = 0
    for test in (ends_before_a_manifest, ends_while_nobody_listens, is_killed_while_nobody_listens,
                 goes_on_under_a_successor, gives_up_root_as_well, fork_that_leaves_its_cell):
        daemon = Daemon(interval="0.2")
        os.chmod(daemon.directory, 0o755)
        jail = "%s/%s" % (folder, test.__name__)
        os.makedirs(jail + "/0")
        os.makedirs(jail + "/1")
        try:
            sought = test(daemon, jail)
            wait_for("the spool read", lambda: settled(daemon))
            assert daemon.stop() == 0
            all_is_there(daemon, sought)
            print("ok", test.__name__)
        except Exception as e:
            failed += 1
            print("FAILED", test.__name__, type(e).__name__, str(e)[-1500:])
        finally:
            daemon.remove()
    sys.exit(1 if failed else 0)


main()

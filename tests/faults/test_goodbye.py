#!/usr/bin/env python3
# time-limit: 200
"""A program keeps its records itself when it ends, if footprintd is gone: also if others that could have done so
were killed, and never came to their end. One that can keep nothing, behind a seccomp filter, is a gap."""
from faults import *

# Does what is said in lines: "kill" ends a fork that has lived until then, "end NUMBER" reads that file and ends.
MASTER = """
my $folder = shift; $| = 1;
defined(my $child = fork) or die;
if (!$child) { sleep 1 while 1 }
print "ready\\n";
<STDIN>; kill $ARGV[0], $child; waitpid $child, 0; open F, "<$folder/$ARGV[1]" or die; print "read\\n";
<STDIN>;
"""


def say(program, line=""):
    program.stdin.write(line + "\n")
    program.stdin.flush()


def master(daemon, data, signal, number, *before):
    """A program that has killed its only fork, and read a file."""
    program = subprocess.Popen([*before, "perl", "-e", MASTER, data, signal, str(number)], env=watched(daemon),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "ready\n"
    say(program)
    assert program.stdout.readline() == "read\n"
    return program


def end(*programs):
    for program in programs:
        program.communicate("\n", LIMIT_SECONDS)
        assert program.returncode == 0, program.returncode


def known_after(daemon, data, numbers):
    """The next daemon has it all from the spool."""
    daemon.start()
    manifest = finish(daemon)
    known = accesses(manifest)
    missing = [number for number in numbers if not known.get("%s/%d" % (data, number), 0) & READ]
    assert not missing, "lost: %s of %s" % (missing, numbers)
    assert not gaps(manifest), gaps(manifest)


def fork_was_killed(daemon, data):
    programs = [master(daemon, data, signal, number) for number, signal in enumerate(("KILL", "TERM"))]
    daemon.kill()
    end(*programs)
    known_after(daemon, data, [0, 1])


def fork_in_a_cell_was_killed(daemon, data):
    """The program is in its parent's pool, and the parent ends as well."""
    script = "/bin/true; /bin/true; /bin/true; sleep 0.3; /bin/true; \"$@\"; cat %s/3 >/dev/null" % data
    program = master(daemon, data, "KILL", 2, "bash", "-c", script, "bash")
    daemon.kill()
    end(program)
    known_after(daemon, data, [2, 3])


def filtered(daemon, data):
    program = start_filtered(daemon, data)
    wait_for("what it did in the manifest", lambda: has_file(daemon.manifest(), data + "/1"))
    return program


def start_filtered(daemon, data):
    program = subprocess.Popen([os.path.dirname(data) + "/filtered", data], env=watched(daemon),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "filtered\n"
    return program


def gaps_after(daemon, program):
    end(program)
    manifest = finish(daemon)
    known = [bool(accesses(manifest).get("%s/%d" % (daemon.data, number), 0) & READ) for number in range(3)]
    return known, [(kind, detail) for kind, _, detail, _ in gaps(manifest)]


KEPT_NOTHING = ("lost-records", "while no aggregator listened, processes could keep nothing")


def behind_a_filter(daemon, data):
    """Nobody is killed: what it does is known, and there is no gap."""
    assert gaps_after(daemon, filtered(daemon, data)) == ([True] * 3, [])


def behind_a_filter_aggregator_restarted(daemon, data):
    program = filtered(daemon, data)
    daemon.stop()
    daemon.start()
    assert gaps_after(daemon, program) == ([True, True, False], [KEPT_NOTHING])


def behind_a_filter_aggregator_killed(daemon, data):
    program = filtered(daemon, data)
    daemon.kill()
    daemon.start()
    assert gaps_after(daemon, program) == ([True, True, False], [KEPT_NOTHING])


def behind_a_filter_aggregator_killed_at_once(daemon, data):
    """It has not read what the program said before."""
    daemon.process.send_signal(signal.SIGSTOP)
    program = start_filtered(daemon, data)
    daemon.kill()
    daemon.start()
    assert gaps_after(daemon, program) == ([True, False, False], [KEPT_NOTHING])


def behind_a_filter_aggregator_late(daemon, data):
    daemon.kill()
    program = start_filtered(daemon, data)
    daemon.start()
    known, found = gaps_after(daemon, program)
    assert known == [True, False, False], known
    assert found == [("lost-records", "behind a seccomp filter, with no aggregator")], found


def main():
    folder = working_folder()
    data = data_folder(folder, 8)
    compiled("filtered", folder)
    behind = [case for name, case in globals().items() if name.startswith("behind_")]
    for case in (fork_was_killed, fork_in_a_cell_was_killed, *behind):
        daemon = Daemon(interval="0.2" if case in behind else "30")
        daemon.data = data
        try:
            case(daemon, data)
            print("ok", case.__name__)
        finally:
            daemon.remove()


main()

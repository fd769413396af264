#!/usr/bin/env python3
# time-limit: 200
"""A program keeps its records itself when it ends, if footprintd is gone: also if others that could have done so
were killed, and never came to their end."""
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


def main():
    folder = working_folder()
    data = data_folder(folder, 8)
    for case in (fork_was_killed, fork_in_a_cell_was_killed):
        daemon = Daemon(interval="30")
        try:
            case(daemon, data)
            print("ok", case.__name__)
        finally:
            daemon.remove()


main()

#!/usr/bin/env python3
# time-limit: 300
"""A process that has been taken over overwrites the memory that it shares with its relatives, of which one may be root.
It can spoil what is known of them; but they get what they would get without us, write nowhere else, and footprintd and
other applications go on."""
from faults import *

SEEDS = range(8 if LONG else 5)
ROUNDS = 400


def bystander(daemon, data):
    """Another application, whose manifest nobody may spoil."""
    subprocess.run(["cat", data + "/1"], env=watched(daemon, FOOTPRINT_APP="bystander"), check=True)


def run_family(daemon, program, data, seed, **more):
    done = subprocess.run([program, data, str(seed), str(ROUNDS)], env=watched(daemon, **more), capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n"), (seed, done.returncode, done.stdout, done.stderr[-1000:])


def checked(daemon, data):
    assert not os.path.exists(daemon.directory + "/stray"), "a relative has chosen where records are written"
    bystander(daemon, data)
    assert daemon.stop() == 0, daemon.stderr()
    manifest = daemon.manifest("bystander@1")
    assert accesses(manifest).get(data + "/1", 0) & READ, accesses(manifest)
    # What is damaged in the spool may be anybody's.
    assert {gap[0] for gap in gaps(manifest)} <= {"lost-records"}, gaps(manifest)


def while_it_listens(daemon, program, data):
    for seed in SEEDS:
        run_family(daemon, program, data, seed)
    checked(daemon, data)


def while_nobody_listens(daemon, program, data):
    """All that is recorded goes into the spool, whose place is private."""
    daemon.kill()
    for seed in SEEDS:
        run_family(daemon, program, data, seed)
    daemon.start()
    checked(daemon, data)


def killed_meanwhile(daemon, program, data):
    for seed in SEEDS:
        family = subprocess.Popen([program, data, str(seed), str(ROUNDS)], env=watched(daemon), stdout=subprocess.PIPE,
                                  text=True)
        time.sleep(0.1)
        daemon.kill()
        said = family.communicate(timeout=60)[0]
        assert (family.returncode, said) == (0, "done\n"), (seed, family.returncode, said)
        daemon.start()
    checked(daemon, data)


def everything_below(folder):
    return {os.path.join(path, name) for path, _, names in os.walk(folder) for name in names}


def main():
    folder = working_folder()
    program, data = compiled("relatives", folder), data_folder(folder, 50)
    before = everything_below(folder)
    for case in (while_it_listens, while_nobody_listens, killed_meanwhile):
        daemon = Daemon(interval="0.2")
        try:
            case(daemon, program, data)
            print("ok", case.__name__)
        finally:
            daemon.remove()
    assert everything_below(folder) == before, everything_below(folder) - before


main()

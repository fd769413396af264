#!/usr/bin/env python3
"""A process that comes into a root to which no path leads (pivot_root, setns, a mount namespace of its own): what it
uses there has the container's names, or there is a gap. What it did is known from its own arguments, which entered.c
describes: it ends with an error if a file is not there."""
from faults import *

OLD_KERNEL = tuple(int(n) for n in os.uname().release.split(".")[:2]) < (5, 8)
OPENED = READ | CREATE


class Place:
    """A folder that can become the root: with a file of its own, and places for what is mounted there."""

    def __init__(self, folder, program):
        self.folder, self.program = folder, program
        self.top = tempfile.mkdtemp(dir=folder)
        os.chmod(self.top, 0o755)
        for name in ("old", "tmp", "data", "proc", "usr", "lib", "lib64", "bin", "deep/er"):
            os.makedirs(self.top + "/" + name)
        for name in ("only", "deep/er/file", "program"):
            open(self.top + "/" + name, "w").close()
        shutil.copy(program, self.top + "/program")
        os.symlink("/only", self.top + "/link")
        self.volume = tempfile.mkdtemp(dir=folder)
        os.chmod(self.volume, 0o755)
        for name in ("content", "other"):
            open(self.volume + "/" + name, "w").close()
        self.into = ["unshare", "bind", self.top, self.top]
        self.pivot = [*self.into, "pivot", self.top, self.top + "/old"]

    def run(self, daemon, *words, **more):
        subprocess.run([self.program, *words], env=watched(daemon, **more), check=True, timeout=30)

    def manifest(self, *words, **more):
        return undisturbed(lambda daemon: self.run(daemon, *words, **more))


def opened(manifest):
    return {path for path, bits in accesses(manifest).items() if bits & OPENED}


def has_all(manifest, *paths):
    assert set(paths) <= opened(manifest), (set(paths) - opened(manifest), gaps(manifest))
    assert not gaps(manifest), gaps(manifest)


def has_gap(manifest, *absent):
    kinds = {gap[0] for gap in gaps(manifest)}
    assert "unresolved" in kinds or "lost-records" in kinds, gaps(manifest)
    for path in absent:
        assert path not in accesses(manifest), path


# --- names ----------------------------------------------------------------------------------------

def after_pivot_root(place):
    manifest = place.manifest(*place.pivot, "read", "/only", "read", "deep/er/file", "lack", "/deep/none",
                              "make", "/deep/made")
    has_all(manifest, place.top + "/only", place.top + "/deep/er/file", place.top + "/deep/made")
    assert place.top + "/deep/none" in missing(manifest), missing(manifest)
    assert "/only" not in accesses(manifest) and "/deep/none" not in missing(manifest)


def symlinks_lead_to_the_new_root(place):
    manifest = place.manifest(*place.pivot, "read", "/link")
    has_all(manifest, place.top + "/only", place.top + "/link")


def what_was_bound_has_its_own_name(place):
    manifest = place.manifest(*place.into, "bind", place.volume, place.top + "/data", "pivot", place.top,
                              place.top + "/old", "read", "/data/content")
    has_all(manifest, place.volume + "/content")


def a_file_that_was_bound(place):
    manifest = place.manifest(*place.into, "bind", place.volume + "/content", place.top + "/only", "pivot", place.top,
                              place.top + "/old", "umount", "/old", "read", "/only")
    has_all(manifest, place.volume + "/content")
    assert place.top + "/only" not in opened(manifest)


def a_file_system_of_its_own(place):
    """A tmpfs that the container does not have: its files keep their names there."""
    manifest = place.manifest(*place.into, "tmpfs", place.top + "/tmp", "pivot", place.top, place.top + "/old",
                              "make", "/tmp/own", "read", "/tmp/own")
    has_all(manifest, "/tmp/own")


def the_old_root_before_it_is_unmounted(place):
    manifest = place.manifest(*place.pivot, "read", "/old" + place.volume + "/content", "umount", "/old",
                              "read", "/only")
    has_all(manifest, place.volume + "/content", place.top + "/only")


def twice(place):
    """As bubblewrap does it: there is no /proc when the second root is entered."""
    base = place.top
    manifest = place.manifest("clone", "tmpfs", base + "/tmp", "make", base + "/tmp/mark", "unshare",
                              "bind", place.volume, base + "/data", "bind", base, base, "pivot", base, base + "/old",
                              "read", "/only", "umount", "/old", "twice", "/data", "read", "/content", "lack", "/only")
    has_all(manifest, place.volume + "/content", place.top + "/only")
    assert place.volume + "/only" in missing(manifest), missing(manifest)


def a_mount_that_is_moved(place):
    manifest = place.manifest(*place.into, "move", place.top, "read", "/only")
    has_all(manifest, place.top + "/only")
    assert "/only" not in accesses(manifest)


def a_chroot_behind_it(place):
    manifest = place.manifest(*place.pivot, "chroot", "/deep", "read", "/er/file")
    has_all(manifest, place.top + "/deep/er/file")


def something_mounted_over_its_root(place):
    """Without a change of the root: in a mount namespace of its own, a name means another file."""
    manifest = place.manifest("unshare", "bind", place.volume, place.top + "/data", "read", place.top + "/data/content")
    has_all(manifest, place.volume + "/content")
    assert place.top + "/data/content" not in accesses(manifest)


def another_namespace(place):
    inside = subprocess.Popen([place.program, *place.pivot, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        inside.stdout.readline()
        manifest = place.manifest("join", str(inside.pid), "read", "/only")
    finally:
        inside.communicate(b"\n")
    has_all(manifest, place.top + "/only")


def a_program_that_is_executed_there(place):
    binds = [word for name in ("usr", "lib", "lib64", "bin") for word in ("bind", "/" + name, place.top + "/" + name)]

    # The socket and the library have the same paths in both roots.
    daemon = Daemon(interval="0.2")
    try:
        os.makedirs(place.top + daemon.directory)
        os.makedirs(place.top + os.path.dirname(PRELOAD), exist_ok=True)
        place.run(daemon, *place.into, *binds, "bind", daemon.directory, place.top + daemon.directory,
                  "bind", os.path.dirname(PRELOAD), place.top + os.path.dirname(PRELOAD),
                  "pivot", place.top, place.top + "/old", "umount", "/old",
                  "exec", "/program", "read", "/only", "fork", "read", "/deep/er/file")
        manifest = finish(daemon)
    finally:
        daemon.remove()
    has_all(manifest, place.top + "/only", place.top + "/deep/er/file")
    assert place.top + "/program" in {value(p, "path") for p in blocks(manifest, "executables")}
    assert "/only" not in accesses(manifest)


# --- processes ------------------------------------------------------------------------------------

def forks(place):
    manifest = place.manifest(*place.pivot, "fork", "read", "/only", "fork", "read", "/deep/er/file")
    has_all(manifest, place.top + "/only", place.top + "/deep/er/file")


def a_child_alone(place):
    """Its parent stays where it was."""
    manifest = place.manifest("clone", "bind", place.top, place.top, "pivot", place.top, place.top + "/old", "read", "/only")
    has_all(manifest, place.top + "/only")


def several_threads(place):
    has_gap(place.manifest("thread", *place.pivot, "read", "/only"), "/only")


def a_vfork_child(place):
    manifest = place.manifest("unshare", "bind", place.top, place.top, "vfork", "5", "pivot", place.top,
                              place.top + "/old", "read", "/only", "read", "/deep/er/file")
    has_gap(manifest, "/only", "/deep/er/file")


def another_process_has_changed_it(place):
    """pivot_root moves all who have that root: this one does not know."""
    daemon = Daemon(interval="0.2")
    try:
        script = "%s bind %s %s pivot %s %s; read x <%s; read x </only" % (
            place.program, place.top, place.top, place.top, place.top + "/old", "/old" + place.volume + "/content")
        subprocess.run(["unshare", "-m", "bash", "-c", script], env=watched(daemon), check=False)
        has_gap(finish(daemon))
    finally:
        daemon.remove()


def behind_a_filter(place):
    has_all(place.manifest(*place.pivot, "filter", "read", "/only"), place.top + "/only")


def behind_a_filter_from_before(place):
    has_gap(place.manifest(*place.into, "filter", "pivot", place.top, place.top + "/old", "read", "/only"), "/only")


# --- the aggregator -------------------------------------------------------------------------------

def waiting(place, daemon, *words):
    process = subprocess.Popen([place.program, *words], env=watched(daemon), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"waiting\n"
    return process


def aggregator_killed_meanwhile(place):
    """Its successor has no descriptor of that root."""
    daemon = Daemon(interval="0.2")
    try:
        process = waiting(place, daemon, *place.pivot, "read", "/only", "wait", "read", "/deep/er/file")
        daemon.kill()
        process.communicate(b"\n")
        daemon.start()
        has_gap(finish(daemon), "/deep/er/file")
    finally:
        daemon.remove()


def nobody_listens(place):
    daemon = Daemon(interval="0.2")
    try:
        daemon.kill()
        place.run(daemon, *place.pivot, "read", "/only")
        daemon.start()
        has_gap(finish(daemon), "/only")
    finally:
        daemon.remove()


def killed(place):
    """What it had recorded by then is in memory that the aggregator holds, and so are the mounts."""
    daemon = Daemon(interval="0.2")
    try:
        daemon.process.send_signal(signal.SIGSTOP)
        process = waiting(place, daemon, *place.into, "bind", place.volume, place.top + "/data", "pivot", place.top,
                          place.top + "/old", "read", "/data/content", "wait")
        process.kill()
        process.communicate()
        daemon.process.send_signal(signal.SIGCONT)
        has_all(finish(daemon), place.volume + "/content")
    finally:
        daemon.remove()


TESTS = [after_pivot_root, symlinks_lead_to_the_new_root, what_was_bound_has_its_own_name, a_file_that_was_bound,
         a_file_system_of_its_own, the_old_root_before_it_is_unmounted, twice, a_mount_that_is_moved,
         a_chroot_behind_it, something_mounted_over_its_root, another_namespace, a_program_that_is_executed_there,
         forks, a_child_alone, several_threads, a_vfork_child, another_process_has_changed_it, behind_a_filter,
         behind_a_filter_from_before, aggregator_killed_meanwhile, nobody_listens, killed]


def main():
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"]).returncode:
        skip("no mount namespaces")
    if OLD_KERNEL:
        skip("the kernel does not tell mounts' ids")
    folder = working_folder()
    program = compiled("entered", folder)
    failed = 0
    for test in TESTS:
        if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
            continue
        try:
            test(Place(folder, program))
            print("ok", test.__name__)
        except Exception as e:
            failed += 1
            print("FAILED", test.__name__, type(e).__name__, str(e)[-1500:])
    sys.exit(1 if failed else 0)


main()

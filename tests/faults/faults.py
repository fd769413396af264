"""What the fault tests share: programs to disturb, what these said that they did, and manifests as sets.

A test does some work under an undisturbed daemon, does the same work again under a disturbed one, and
compares the manifests; or it compares a manifest with the list that the workers themselves have written.
The daemon, and peers that are written from the specification alone, come from tests/aggregator/peer.py."""
import atexit, glob, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../aggregator"))
from peer import *

HERE = os.path.dirname(os.path.abspath(__file__))
PRELOAD = BUILD + "/libfootprint.so"
LONG = os.environ.get("FOOTPRINT_TEST_LONG") == "1"
DELETE, RENAME, METADATA = 8, 16, 32
ACCESS_BITS = {"read": READ, "create": CREATE, "check": CHECK, "delete": DELETE, "rename": RENAME}
PROCESS_WAIT_MS = 50  # for which a process may wait for us in its life


def skip(why):
    print(why)
    sys.exit(77)


def working_folder():
    """A temporary folder that everybody may enter."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="faults-"))
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def compiled(name, folder, *compiler):
    """Compiles tests/faults/NAME.c, and its parts NAME_PART.c, to a program in `folder`."""
    program = "%s/%s" % (folder, name)
    sources = ["%s/%s.c" % (HERE, name), *sorted(glob.glob("%s/%s_*.c" % (HERE, name)))]
    subprocess.run([*(compiler or ["gcc"]), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Werror", "-o", program,
                    *sources], check=True)
    return program


def data_folder(folder, count):
    """A folder with files 0, 1, ... for workers."""
    data_path = folder + "/data"
    os.makedirs(data_path)
    for i in range(count):
        os.close(os.open("%s/%d" % (data_path, i), os.O_CREAT | os.O_WRONLY, 0o644))
    os.chmod(data_path, 0o1777)
    return data_path


def watched(daemon, **more):
    """The environment of a watched process."""
    return {**os.environ, "LD_PRELOAD": PRELOAD, "FOOTPRINT_SOCKET": daemon.socket,
            "FOOTPRINT_APP": "app", "FOOTPRINT_VERSION": "1", **more}


# --- what is in a manifest ------------------------------------------------------------------------

def blocks(manifest, name):
    """The top-level messages with this name in protoc's text, each as a list of lines."""
    return [b.split("\n") for b in
            re.findall(r"^%s \{\n(.*?)^\}" % name, manifest, re.M | re.S)]


def value(lines, field):
    found = [line[len(field) + 4:] for line in lines if line.startswith("  %s: " % field)]
    return found[0].strip('"') if found else ""


def accesses(manifest):
    """Path -> access bits of all its users together."""
    return {value(lines, "path"): sum_bits(lines) for lines in blocks(manifest, "files")}


def sum_bits(lines):
    bits = 0
    for line in lines:
        if line.startswith("    access: "):
            bits |= int(line.split()[1])
    return bits


def counts(manifest):
    """Processes and records of each run, images of each executable, and which ones came first."""
    runs = [(int(value(r, "processes")), int(value(r, "records"))) for r in blocks(manifest, "runs")]
    programs = blocks(manifest, "executables")
    return {"runs": runs, "ended": [bool(value(r, "ended_ns")) for r in blocks(manifest, "runs")],
            "images": {value(p, "path"): int(value(p, "runs") or 0) for p in programs},
            "first": {value(p, "path") for p in programs if value(p, "first")}}


def missing(manifest):
    return {value(lines, "path") for lines in blocks(manifest, "missing")}


def gaps(manifest):
    return [(value(g, "kind"), value(g, "path"), value(g, "detail"), int(value(g, "count") or 0))
            for g in blocks(manifest, "gaps")]


def without_chance(manifest):
    """Only the facts. A file that existed for a moment may have been seen or not."""
    manifest = re.sub(r"^runs \{\n.*?^\}\n", "", manifest, flags=re.M | re.S)
    manifest = re.sub(r"^  runs: .*\n", "", manifest, flags=re.M)
    return re.sub(r'(^  path: "[^"]*/(?:made|renamed)\.\d+"\n)(.*?)^\}\n', without_sight, manifest,
                  flags=re.M | re.S)


def without_sight(file):
    return file[1] + re.sub(r"^  (type|present|size|mode|uid|gid|package|sha256): .*\n", "", file[2],
                            flags=re.M) + "}\n"


def assert_same_facts(expected, manifest):
    """Two manifests of the same work are equal, except for times, counts and chance."""
    expected, manifest = without_chance(expected), without_chance(manifest)
    if expected == manifest:
        return
    import difflib
    difference = list(difflib.unified_diff(expected.split("\n"), manifest.split("\n"),
                                           "undisturbed", "disturbed", n=2, lineterm=""))
    raise AssertionError("%d lines of difference:\n%s"
                         % (len(difference), "\n".join(difference[:60])))


def assert_done(manifest, said):
    """The manifest has everything that the workers said they did."""
    known, absent, not_there = accesses(manifest), missing(manifest), []
    for line in said:
        what, name = line.split(" ", 1)
        there = name in absent if what == "missing" else \
            known.get(name, 0) & ACCESS_BITS[what]
        if not there:
            not_there.append(line)
    assert said, "nothing was done"
    assert not not_there, "%d of %d facts are missing: %s" % (len(not_there), len(said),
                                                              not_there[:10])


# --- the daemon -----------------------------------------------------------------------------------

class Disturbed(Daemon):
    """A daemon that may end before it listens."""

    def start(self):
        try:
            super().start()
        except AssertionError:
            pass


def settled(daemon):
    """Does the spool only hold what the daemon keeps for its successor?"""
    return set(os.listdir(daemon.spool)) <= OWN_FILES


def finish(daemon):
    """Stops the daemon, and returns its manifest."""
    assert daemon.stop() == 0, daemon.stderr()
    assert settled(daemon), (os.listdir(daemon.spool), daemon.stderr()[-2000:])
    return daemon.manifest()


def undisturbed(work, **how):
    """The manifest of work(daemon) under an undisturbed daemon."""
    daemon = Daemon(interval="0.2", **how)
    try:
        work(daemon)
        return finish(daemon)
    finally:
        daemon.remove()

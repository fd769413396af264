#!/usr/bin/env python3
# time-limit: 3600
"""Random trees of processes use random files in every way that there is, while footprintd is killed, stopped
and started at random moments, or processes kill themselves. They fork, execute, change their user, their
namespaces and their root, and become daemons, in every way, too. Each process keeps a log of what it does
(tree.c). Everything in these logs is in the manifest, and nothing that is in none of them: no path that
was put together wrongly. There are no gaps.

A tree is made from a seed: `test_tree.py SEED...` grows those again. What the kernel makes of them is not the
same each time, so it may take a few attempts."""
import ctypes, functools, random
from faults import *

SEEDS = [1, 3, 4, 6]
TREES = 150 if LONG else len(SEEDS) + 1
JUDGED_SEED = 8  # of a tree whose own log is compared with what strace sees
TREES_AT_ONCE = 3
BUDGET = 40  # processes of a tree
DIRECTORIES, SUBS, FILES, PROGRAMS = 12, 3, 20, 4  # as in tree.h
LIST = 256
BITS = {"read": READ, "create": CREATE | WRITE, "check": CHECK, "list": LIST, "delete": DELETE,
        "make": CREATE, "renamed-from": DELETE | RENAME, "renamed-to": CREATE | RENAME}
HOW = ("undisturbed", "killed", "stopped", "processes killed")
# In the short form, new trees are of these kinds. In the others, what a process in a mount namespace of its own does
# across a restart is a gap (doc/decisions/pivot-root.md), and some seeds have one.
HOW_NEW = HOW if LONG else ("undisturbed", "processes killed")
# The shapes of strace's lines: what a path is relative to, and the path.
TRACED = re.compile(r'(?:openat|newfstatat|faccessat2?|unlinkat)\((?:AT_FDCWD|\d+)<(.*?)>, "(.*?)"')


def make_folder(path):
    """Everybody may write there."""
    os.mkdir(path)
    os.chmod(path, 0o777)


@functools.cache
def programs():
    """For glibc, and one for musl where that can be made."""
    made = [compiled("tree", working_folder())] * PROGRAMS
    if shutil.which("musl-gcc"):
        made[-1] = compiled("tree", working_folder(), "musl-gcc")
    return made


def make_place(folder):
    """A new folder for trees to use."""
    os.mkdir(folder + "/data")
    for number in range(DIRECTORIES):
        for name in ["", *("/sub-%d" % sub for sub in range(SUBS))]:
            path = "%s/data/directory-%d%s" % (folder, number, name)
            make_folder(path)
            for file in range(FILES):
                open("%s/%d" % (path, file), "w").close()
        os.symlink("directory-%d" % number, "%s/data/link-%d" % (folder, number))
    os.mkdir(folder + "/bin")
    make_folder(folder + "/logs")
    for number, program in enumerate(programs()):
        shutil.copy(program, "%s/bin/tree-%d" % (folder, number))
    return folder


# --- growing --------------------------------------------------------------------------------------

def start_trees(folder, daemon, dice, kills):
    return [subprocess.Popen(["%s/bin/tree-0" % folder, folder, folder + "/logs",
                              str(dice.getrandbits(62)), str(BUDGET), *(["killed"] if kills else [])],
                             env=watched(daemon), start_new_session=True, stdin=subprocess.DEVNULL,
                             stderr=open("%s/stderr-%d" % (folder, i), "w"))
            for i in range(TREES_AT_ONCE)]


def adopt_orphans():
    """Processes whose parents have ended become children of this one."""
    PR_SET_CHILD_SUBREAPER = 36
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def grow(daemon, trees):
    """Does any process of the trees still run?"""
    with open("/proc/self/task/%d/children" % os.getpid()) as f:
        children = {int(pid) for pid in f.read().split()} - {daemon.process.pid}
    for tree in trees:
        tree.poll()
    for orphan in children - {tree.pid for tree in trees}:
        os.waitpid(orphan, os.WNOHANG)
    return bool(children)


def disturb(daemon, trees, how, dice):
    """Waits for the end of the trees, and disturbs the daemon meanwhile."""
    end = time.monotonic() + LIMIT_SECONDS
    while grow(daemon, trees):
        assert time.monotonic() < end, "a tree does not end"
        time.sleep(dice.random() * 0.4)
        if how in ("killed", "stopped"):
            (daemon.kill if how == "killed" else daemon.stop)()
            time.sleep(dice.choice((0, 0, dice.random() * 0.5)))
            daemon.start()


# --- judging --------------------------------------------------------------------------------------

def said(folder):
    """What was begun, and what of that was done, as sets of (what, path)."""
    begun, done = set(), set()
    for name in os.listdir(folder + "/logs"):
        with open("%s/logs/%s" % (folder, name)) as f:
            for line in f:
                when, what, path = line.rstrip("\n").split(" ", 2)
                assert what != "failed", "a process of the tree failed: " + line
                (begun if when == "?" else done).add((what, path))
    assert done, "nothing was done"
    return begun, done


def bits_of(facts):
    bits = {}
    for what, path in facts:
        if what in BITS:
            bits[path] = bits.get(path, 0) | BITS[what]
    return bits


def paths_of(facts, wanted):
    return {path for what, path in facts if what == wanted}


def executables(manifest):
    return {value(lines, "path") for lines in blocks(manifest, "executables")}


def judge(folder, manifest):
    """What is wrong with the manifest."""
    begun, done = said(folder)
    assert done <= begun, sorted(done - begun)[:5]
    below = folder + "/"
    files = {path: bits for path, bits in accesses(manifest).items()
             if path.startswith(below + "data/") and not path.startswith(below + "data/link-")}
    absent = {path for path in missing(manifest) if path.startswith(below + "data/")}
    programs = {path for path in executables(manifest) if path.startswith(below)}
    may, must = bits_of(begun), bits_of(done)
    may_be_missing = paths_of(begun, "missing") | paths_of(begun, "create")
    return {
        "not recorded": [(path, bits & ~files.get(path, 0)) for path, bits in must.items()
                         if bits & ~files.get(path, 0)],
        "done by nobody": [(path, bits & ~may.get(path, 0)) for path, bits in files.items()
                           if bits & ~may.get(path, 0)],
        "not missing": sorted(paths_of(done, "missing") - absent),
        "looked for by nobody": sorted(absent - may_be_missing),
        "not executed": sorted(paths_of(done, "execute") - programs),
        "executed by nobody": sorted(programs - paths_of(begun, "execute")
                                     - {below + "bin/tree-0"}),
        "gaps": gaps(manifest),
    }


def errors_of(folder):
    texts = []
    for i in range(TREES_AT_ONCE):
        with open("%s/stderr-%d" % (folder, i)) as f:
            texts.append(f.read())
    return "".join(texts)


def try_seed(seed):
    dice = random.Random(seed)
    how = HOW[seed % len(HOW)]
    folder = make_place(working_folder())
    daemon = Daemon(interval="0.2")
    os.chmod(daemon.directory, 0o755)
    try:
        trees = start_trees(folder, daemon, dice, how == "processes killed")
        disturb(daemon, trees, how, dice)
        assert not errors_of(folder), errors_of(folder)
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
    finally:
        daemon.remove()
    wrong = {what: found for what, found in judge(folder, manifest).items() if found}
    count = len(said(folder)[1])
    shutil.rmtree(folder)
    assert not wrong, "; ".join("%s: %d: %s" % (what, len(found), found[:5])
                                for what, found in wrong.items())
    return how, count


def new_seed():
    how = random.choice(HOW_NEW)
    return random.getrandbits(29) * len(HOW) + HOW.index(how)


def judge_the_log(seed):
    """The log of a tree that is not watched tells of the same files as strace does."""
    folder = make_place(working_folder())
    trace = folder + "/trace"
    subprocess.run(["strace", "-f", "-y", "-qq", "-o", trace, folder + "/bin/tree-0", folder, folder + "/logs",
                    str(seed), "6", "traced"], check=True, stdin=subprocess.DEVNULL)
    with open(trace, errors="replace") as f:
        traced = {os.path.realpath(os.path.join(*found)) for found in TRACED.findall(f.read())}
    done = said(folder)[1]
    told = {path for what, path in done if what in ("missing", "read", "create", "delete")}
    folders = paths_of(done, "make") | paths_of(done, "renamed-to")
    below = folder + "/data/"
    unused = {path for path in traced - told - folders
              if path.startswith(below) and os.path.basename(path)[0].isdigit()}
    print("%d files by the log of a tree, %d by strace" % (len(told), len(traced)))
    assert len(told) > 50 and told <= traced, sorted(told - traced)[:5]
    assert not {path for path in unused if "-" in os.path.basename(path)}, sorted(unused)[:5]


def main():
    adopt_orphans()
    seeds = [int(seed) for seed in sys.argv[1:]]
    if not seeds:
        judge_the_log(JUDGED_SEED)
        seeds = SEEDS + [new_seed() for _ in range(TREES - len(SEEDS))]
    for seed in seeds:
        try:
            how, count = try_seed(seed)
        except BaseException:
            print("seed %d failed" % seed, flush=True)
            raise
        print("seed %d, %s: %d facts" % (seed, how, count), flush=True)


main()

#!/usr/bin/env python3
"""Closures in random roots: libraries in random places, with random sonames, symlinks, RPATH, RUNPATH,
$ORIGIN, $LIB, ld.so.cache and directories for newer processors, judged by this machine's dynamic
linker under chroot. FOOTPRINT_TEST_SEED=N repeats one root."""
# time-limit: 300
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import objects

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LINKER = "/lib64/ld-linux-x86-64.so.2"
REAL_LINKER = "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
ROOTS = 400 if os.environ.get("FOOTPRINT_TEST_LONG") else 60
PROGRAMS = 3
FIRST_SEED = 1

DIRECTORIES = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib", "/opt/app/lib",
               "/opt/app/bin", "/opt/x", "/srv/conf", "/opt/sp ace", "/opt/lib64", "/opt/a:b", "/opt/$LIB",
               "/links/relative"]
BELOW = ["", "", "", *(f"/glibc-hwcaps/x86-64-v{level}" for level in (2, 3, 4, 5))]
NAMES = [*(f"lib{letter}.so" for letter in "abcdefz"), "liba.so.1", "libb.so.1", "odd name.so",
         "ld-linux-x86-64.so.2"]
ELEMENTS = ["/links/absolute", "/links/relative/..", "/nope", "", "$ORIGIN", "${ORIGIN}", "$ORIGIN/../lib",
            "$ORIGIN/..", "$ORIGIN/../x", "$ORIGIN/../../links/absolute", "$ORIGINx", "$ORIGIN/", "/opt/$LIB",
            "/usr/$LIB", "/${LIB}", "$NOPE/x", "/opt/$", "$ORIGIN/$LIB", "/opt/../opt/x//", "//opt/x"]


class Root:
    """A root directory with this machine's dynamic linker."""

    def __init__(self, merged):
        self.top = tempfile.mkdtemp()
        self.mounted = False
        for path in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/links", "/etc", "/proc"):
            os.makedirs(self.top + path)
        for name in ("lib", "lib64"):
            if merged:
                os.symlink(f"usr/{name}", f"{self.top}/{name}")
            else:
                os.mkdir(f"{self.top}/{name}")
        os.symlink("/opt/app/lib", self.top + "/links/absolute")
        os.symlink("../opt/x", self.top + "/links/relative")
        for path in DIRECTORIES[:-1]:
            os.makedirs(self.top + path, exist_ok=True)
        shutil.copy(REAL_LINKER, self.top + REAL_LINKER)
        os.symlink(("../" if merged else "") + ".." + REAL_LINKER, self.top + LINKER)
        # Without /proc, the linker does not know the program's own $ORIGIN.
        subprocess.run(["mount", "-t", "proc", "proc", self.top + "/proc"], check=True)
        self.mounted = True

    def remove(self):
        if self.mounted:
            subprocess.run(["umount", self.top + "/proc"], check=True)
        shutil.rmtree(self.top)

    def write(self, path, content):
        os.makedirs(os.path.dirname(self.top + path), exist_ok=True)
        with open(self.top + path, "wb") as file:
            file.write(content)
        os.chmod(self.top + path, 0o755)

    def configure(self, directories):
        """Makes ld.so.cache."""
        with open(self.top + "/etc/ld.so.conf", "w", encoding="ascii") as file:
            file.writelines(path + "\n" for path in directories)
        subprocess.run(["ldconfig", "-X", "-r", self.top], capture_output=True, check=True)

    def enter(self):
        os.chroot(self.top)
        os.chdir("/")

    def real(self, paths):
        """Where the paths lead: os.path.realpath() knows no other root."""
        done = subprocess.run([sys.executable, "-c", "import os, sys; os.chroot(sys.argv[1]);"
                               "print(*map(os.path.realpath, sys.argv[2:]), sep='\\n')", self.top, *paths],
                              capture_output=True, text=True, check=True)
        return set(done.stdout.splitlines())

    def judge(self, program):
        """What the linker maps, and which names it does not find; None: it refuses the program."""
        done = subprocess.run([program], env={"LD_TRACE_LOADED_OBJECTS": "1"}, capture_output=True,
                              text=True, preexec_fn=self.enter, check=False)
        if done.returncode or done.stderr:
            return None
        found, missing = set(), set()
        for line in done.stdout.splitlines():
            name, _, path = line.strip().rpartition(" => ")
            if path == "not found":
                missing.add(name)
            elif "linux-vdso" not in path and " (0x" in path:
                found.add((name, path[:path.rindex(" (0x")]))
        # A name that was missing for one object may be found for another. But a program for which
        # anything is missing does not run, so what else the trace would find means nothing.
        if missing & {name for name, _ in found}:
            return None
        return (self.real([LINKER, *(path for _, path in found)]),
                {name for name in missing if "/" not in name})

    def ours(self, programs):
        """The same by elf_closure_find()."""
        done = subprocess.run([f"{BUILD}/tests/test_closure", self.top, "-"], text=True,
                              input="".join(program + "\n" for program in programs),
                              capture_output=True, check=True)
        for block in done.stdout.split("\n.\n")[:-1]:
            objects_found = [line.split("\t") for line in block.splitlines() if line != "."]
            yield ({path for _, path in objects_found if path},
                   {name for name, path in objects_found if not path and "/" not in name})


def random_path(dice):
    """A search path, or none."""
    if dice.random() < 0.5:
        return None
    return ":".join(dice.choice(ELEMENTS if dice.random() < 0.5 else DIRECTORIES)
                    for _ in range(dice.randint(1, 3)))


def random_need(dice):
    directory = dice.random()
    if directory < 0.85:
        return dice.choice(NAMES)
    return dice.choice(DIRECTORIES + ["$ORIGIN", "$ORIGIN/../lib", "/usr/$LIB"]) + "/" + dice.choice(NAMES)


def random_object(dice, **options):
    return objects.make(needed=[random_need(dice) for _ in range(dice.randint(0, 3))],
                        rpath=random_path(dice), runpath=dice.choice([None, random_path(dice)]),
                        flags_1=objects.NODEFLIB if dice.random() < 0.08 else 0, **options)


def add_library(dice, root):
    path = dice.choice(DIRECTORIES) + dice.choice(BELOW) + "/" + dice.choice(NAMES)
    kind = dice.random()
    if os.path.lexists(root.top + path) or ("ld-linux" in path and kind < 0.7):
        return
    if kind < 0.9:
        machine = dice.choice([objects.X86_64] * 8 + [objects.I386, objects.AARCH64])
        soname = dice.choice([None, os.path.basename(path), dice.choice(NAMES), "weird.so.9"])
        root.write(path, random_object(dice, soname=soname, machine=machine))
        return
    os.makedirs(os.path.dirname(root.top + path), exist_ok=True)
    if kind < 0.95:
        os.symlink(dice.choice(DIRECTORIES) + "/" + dice.choice(NAMES), root.top + path)
    else:
        os.mkdir(root.top + path)


def fill(dice, root):
    """Puts libraries and programs into the root; the programs' paths."""
    for _ in range(dice.randint(5, 30)):
        add_library(dice, root)
    if dice.random() < 0.7:
        root.configure(dice.sample(DIRECTORIES[:8] + DIRECTORIES[-1:], dice.randint(0, 4)))
    programs = []
    for number in range(PROGRAMS):
        path = dice.choice(["/opt/app/bin", "/usr/bin", "/opt/x", "/opt/a:b", "/opt/$LIB", ""])
        programs.append(f"{path}/program{number}")
        root.write(programs[-1], random_object(dice, interpreter=LINKER,
                                               soname=dice.choice([None, None, *NAMES])))
    return programs


class Closures(unittest.TestCase):
    def make_root(self, merged=False):
        root = Root(merged)
        self.addCleanup(root.remove)
        return root

    def compare(self, root, programs):
        """How many of them the linker could judge."""
        judged = 0
        for program, ours in zip(programs, root.ours(programs), strict=True):
            theirs = root.judge(program)
            if theirs:
                judged += 1
                self.assertEqual(ours, theirs, program)
        return judged

    def test_random_roots(self):
        seeds = range(FIRST_SEED, FIRST_SEED + ROOTS)
        if "FOOTPRINT_TEST_SEED" in os.environ:
            seeds = [int(os.environ["FOOTPRINT_TEST_SEED"])]
        judged = 0
        for seed in seeds:
            dice = random.Random(seed)
            root = Root(merged=dice.random() < 0.5)
            try:
                with self.subTest(seed=seed):
                    judged += self.compare(root, fill(dice, root))
            finally:
                root.remove()
        print(f"{judged} closures judged")
        self.assertGreater(judged, len(seeds) if len(seeds) > 1 else 0)

    def test_a_cached_library_of_i386_is_none_of_ours(self):
        """ldconfig does not know the ABI of an i386 library that needs no libc."""
        root = self.make_root()
        root.write("/opt/x/glibc-hwcaps/x86-64-v2/liba.so", objects.make(machine=objects.I386))
        root.write("/srv/conf/liba.so", objects.make())
        root.write("/program", objects.make(needed=["liba.so"], interpreter=LINKER))
        root.configure(["/srv/conf", "/opt/x"])
        self.assertEqual(root.judge("/program"), ({"/srv/conf/liba.so", REAL_LINKER}, set()))
        self.assertEqual(self.compare(root, ["/program"]), 1)


if __name__ == "__main__":
    if os.geteuid() != 0 or not os.path.exists(REAL_LINKER) or not shutil.which("ldconfig"):
        print("needs root, for chroot, and glibc of Debian on x86-64, with ldconfig")
        sys.exit(77)
    unittest.main()

"""Where the tests of the sites run programs: this machine, or a Debian of another release in a chroot
under $BUILD/rootfs, made by mmdebstrap once."""

import os
import re
import shutil
import subprocess

import hooks_judge
from recorder_receiver import Receiver

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LIBRARY = os.path.join(BUILD, "libfootprint.so")
CRT = "/usr/lib/x86_64-linux-gnu/"
# What the library does for itself, and what the manifest leaves out.
OURS = re.compile(r"/(proc|sys)/|.*/aggregator\.sock|.*libfootprint\.so|/$|.*/dev/null|"
                  r".*/spool(/records\.\d+)?$")


def can_mount():
    """Can we give another root its /proc and /dev? Root in a container without CAP_SYS_ADMIN cannot."""
    return not os.getuid() and not subprocess.run(["unshare", "--mount", "true"], check=False,
                                                  stderr=subprocess.DEVNULL).returncode


def release_root(suite):
    """A root with this release. None: it cannot be made here, or cannot be used."""
    # The path as strace prints it: BUILD may be a folder of links (tests/run).
    root = os.path.realpath(os.path.join(BUILD, "rootfs", suite))
    if not can_mount():
        return None
    if not os.path.isdir(root):
        if not shutil.which("mmdebstrap"):
            return None
        unfinished = root + f".{os.getpid()}"
        os.makedirs(os.path.dirname(root), exist_ok=True)
        made = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=locales",
                               suite, unfinished], stdout=subprocess.DEVNULL, check=False)
        if made.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            return None
        if os.path.isdir(root):
            shutil.rmtree(unfinished)
        else:
            os.rename(unfinished, root)
    return root


class World:
    """Runs programs with the library and without, in `root` or here. `folder`, inside the root, holds
    what they need."""

    def __init__(self, name, root, scratch, compiler="gcc"):
        self.name, self.root, self.compiler = name, root, compiler
        self.scratch = scratch
        self.folder = os.path.join(root, "tmp", f"sites-{os.getpid()}") if root else \
            os.path.join(scratch, name)
        self.inside = self.folder[len(root):] if root else self.folder
        os.mkdir(self.folder)
        self.library = os.path.join(self.inside, "libfootprint.so")
        shutil.copy(LIBRARY, self.folder)
        self.fifo = os.path.join(self.inside, "fifo")
        os.mkfifo(os.path.join(self.folder, "fifo"))

    def close(self):
        if self.root:
            shutil.rmtree(self.folder)

    def command(self, words):
        if not self.root:
            return words
        return ["unshare", "--mount", "sh", "-c",
                'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"',
                self.root] + words

    def compile(self, source, *options):
        """Compiles a program, linked with the root's own libc; returns its path inside."""
        program = os.path.join(self.folder, os.path.basename(source)[:-2])
        flags = ["-std=gnu11", "-O2", "-o"]
        if not self.root:
            subprocess.run([self.compiler] + flags + [program, source, "-pthread", *options] +
                           ["-fexceptions"] * (self.compiler == "gcc"), check=True)
        else:
            libraries = os.path.join(self.root, "lib/x86_64-linux-gnu/")
            objects = [program + ".o", libraries + "libc.so.6", libraries + "libgcc_s.so.1"]
            if self.name == "bullseye":
                objects += [libraries + "libpthread.so.0", libraries + "libdl.so.2"]
            objects.append(libraries + "ld-linux-x86-64.so.2")
            subprocess.run(["gcc", "-fexceptions", "-fPIC", "-c"] + flags + [program + ".o", source],
                           check=True)
            subprocess.run(["gcc", "-nostdlib", "-pie", *options, "-o", program, CRT + "Scrt1.o",
                            CRT + "crti.o"] + objects + ["-lgcc", CRT + "crtn.o"], check=True)
        return os.path.join(self.inside, os.path.basename(program))

    def environment(self, **more):
        return ["env", f"LD_PRELOAD={self.library}",
                "FOOTPRINT_SOCKET=" + os.path.join(self.inside, "aggregator.sock"),
                "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"] + [f"{name}={value}" for name, value in more.items()]

    def listen(self):
        path = os.path.join(self.folder, "aggregator.sock")
        if os.path.exists(path):
            os.unlink(path)
        return Receiver(path)

    def run(self, words, wrapper=(), **more):
        """Runs a program with the library; returns its result, the facts and gaps."""
        receiver = self.listen()
        try:
            result = subprocess.run(
                self.command(list(wrapper) + self.environment(**more) + words),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                check=False)
            receiver.wait_ended()
            facts, gaps = hooks_judge.facts_of(receiver.records(), receiver.hellos())
            details = {r.get("detail", b"").decode() for r in receiver.records()
                       if r.get("gap") == b"sites"}
        finally:
            receiver.close()
        return result, facts, gaps, details

    def bare(self, words):
        return subprocess.run(self.command(["env", "LC_ALL=C.UTF-8"] + words), timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)

    def judged(self, words):
        """The facts that strace sees, and the facts that are recorded, in one run."""
        log = os.path.join(self.scratch, f"strace-{self.name}")
        receiver = self.listen()
        try:
            subprocess.run(["strace", "-f", "-y", "-s", "5000", "-o", log,
                            "-e", "trace=file,desc,network,process"] +
                           self.command(self.environment() + words), stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=100,
                           check=False)
            receiver.wait_ended()
            facts, _ = hooks_judge.facts_of(receiver.records(), receiver.hellos())
        finally:
            receiver.close()
        with open(log, errors="surrogateescape") as file:
            seen = file.read()
        return self.watched_part(seen, {path for access, path, _ in facts if access == "exec"}), facts

    def watched_part(self, text, executed):
        """What strace saw of processes with the library, from where it started. executed: what was
        recorded as executed (a child that strace reports late is not among these processes)."""
        started, kept = set(), []
        for line in hooks_judge.merge(text).splitlines():
            pid, call = line.split(None, 1)
            if pid in started:
                kept.append(line.replace(f"<{self.root}", "<") if self.root else line)
            if call.startswith("execve(") and call.endswith(" = 0"):
                started.discard(pid)
            elif call.startswith("memfd_create("):
                started.add(pid)
            made = re.match(r"(?:v?fork|clone3?)\(.* = (\d+)", call)
            if made and pid in started:
                started.add(made[1])
        facts = {fact for fact in hooks_judge.Strace("\n".join(kept), os.getcwd()).facts
                 if not OURS.match(fact[1])}
        # The library itself looks at what is executed, and whether there is an ld.so.cache.
        looked_at = executed | {path for access, path, _ in facts if access == "exec"}
        return {(access, path, outcome) for access, path, outcome in facts
                if not (access in ("check", "read") and path in looked_at) and
                (access, path) != ("check", "/etc/ld.so.cache")}


def worlds(scratch):
    """This machine, musl on it, and the releases that can be made here."""
    yield World("here", None, scratch)
    if shutil.which("musl-gcc"):
        yield World("musl", None, scratch, "musl-gcc")
    for suite in ("bullseye", "trixie"):
        root = release_root(suite)
        if root:
            yield World(suite, root, scratch)
        else:
            print(f"{suite}: no root file system can be made here, left out")

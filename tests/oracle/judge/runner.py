"""Runs one workload under strace and the preload library at once: both see the same run.

    footprintd (not traced) ◄── socket ── strace -f ── sh -c COMMAND, with LD_PRELOAD

strace sets the environment of the program alone (-E), so that it is not watched itself.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .compare import compare
from .exclusions import Own
from .paths import Resolver
from .said import Said
from .seen import judge
from .strace import FLAGS

LIMIT = 120  # seconds, for a whole workload
READY_LIMIT = 30  # seconds, until a server answers
TICK = 0.02  # seconds between looks at a condition
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class RunError(Exception):
    """The run itself failed, so nothing was judged."""


@dataclass
class Outcome:
    scores: dict  # category -> compare.Score
    gaps: list
    calls: int
    seconds: float


@dataclass
class Options:
    build: Path
    locale: str = "C.UTF-8"
    sites: bool = True
    keep: Path | None = None  # where traces and manifests are kept


def wait_until(condition, limit, what):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise RunError(f"{what}: not within {limit} s")
        time.sleep(TICK)


def free_ports(count):
    """Ports on which nobody listens. All are held at the same time, so they differ."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def last_lines(path, count):
    """The last lines of a text file; none if there is no file."""
    try:
        return path.read_text("utf-8", "replace").strip().splitlines()[-count:]
    except FileNotFoundError:
        return []


def traced_by(tracer):
    """The processes with this tracer; without it, they would live on."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text("ascii", "replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"TracerPid:\t{tracer}" in lines:
            yield int(status.parent.name)


class Run:
    """One run of one workload: a context manager, which leaves nothing behind."""

    def __init__(self, workload, place, options):
        self.workload = workload
        self.place = place
        self.options = options

    def __enter__(self):
        self.folder = self.make_folder()
        self.folder.chmod(0o755)
        self.work = self.folder / "work"
        self.work.mkdir()
        self.work.chmod(0o1777)
        self.own = self.folder / "footprint"
        self.own.mkdir()
        self.socket = self.own / "aggregator.sock"
        self.trace = self.folder / "trace"
        self.port, self.port2 = free_ports(2)
        self.processes = []
        return self

    def make_folder(self):
        base = self.place.root / "tmp"
        return Path(tempfile.mkdtemp(prefix="footprint-oracle-", dir=base))

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                self._end(process)
        if self.options.keep:
            self._keep()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _end(process):
        """Kills our child, what it traces, and its process group, which it leads."""
        for pid in traced_by(process.pid):
            os.kill(pid, signal.SIGKILL)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def _keep(self):
        target = self.options.keep / self.workload.name
        target.mkdir(parents=True, exist_ok=True)
        for path in (self.trace, self.own / "daemon.log", self.folder / "output",
                     self.own / "manifest.json"):
            if path.exists():
                shutil.copy2(path, target / path.name)

    # --- shells -------------------------------------------------------------------------------

    def environment(self, locale):
        work = self.place.inside(self.work)
        return {
            "PATH": PATH, "HOME": work, "WORK": work, "TMPDIR": work, "LANG": locale,
            "PORT": str(self.port), "PORT2": str(self.port2), "TERM": "dumb",
            "USER": "root", "LOGNAME": "root",
        }

    def _shell(self, text, locale):
        """The command line of a shell in $WORK."""
        env = [f"{name}={value}" for name, value in self.environment(locale).items()]
        script = 'cd "$WORK" && ' + text if text.count("\n") == 0 else 'cd "$WORK"\n' + text
        return self.place.enter(["env", "-i", *env, "sh", "-c", script])

    def _unwatched(self, text, what, check=True):
        command = self._shell(text, "C.UTF-8")
        with open(self.folder / "output", "ab") as output:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                  timeout=LIMIT)
        if check and done.returncode:
            raise RunError(f"{what}: exit {done.returncode}: {self._tail()}")
        return done.returncode == 0

    def _tail(self):
        return " | ".join(last_lines(self.folder / "output", 4))

    # --- the run ------------------------------------------------------------------------------

    def _start(self, command, log, **options):
        with open(log, "ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def _start_daemon(self):
        ready, write = os.pipe()
        command = [str(self.options.build / "footprintd"), "--socket", str(self.socket),
                   "--manifests", str(self.own), "--spool", str(self.own / "spool"),
                   "--ready-fd", str(write)]
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith(("FOOTPRINT_", "LD_"))}
        daemon = self._start(command, self.own / "daemon.log", env=environment, pass_fds=[write])
        os.close(write)
        # It has ended when the pipe is at its end.
        with open(ready, "rb") as pipe:
            if pipe.read(1) != b"\n":
                log = (self.own / "daemon.log").read_text("utf-8", "replace")
                raise RunError(f"footprintd: exit {daemon.wait()}: {log.strip()}")
        return daemon

    def variables(self):
        """What makes the program a watched one."""
        return {
            "LD_PRELOAD": " ".join([self.place.library, *self.workload.preload]),
            "FOOTPRINT_SOCKET": self.place.inside(self.socket),
            "FOOTPRINT_SPOOL": self.place.inside(self.own / "spool"),
            "FOOTPRINT_APP": self.workload.name, "FOOTPRINT_VERSION": "1",
            "FOOTPRINT_SITES": "1" if self.options.sites else "0",
            # Under a seccomp listener, strace misreads system calls; tests/supervise judges those programs.
            "FOOTPRINT_SUPERVISE": "0",
        }

    def _traced(self):
        """The command line of the watched program under strace."""
        workload = self.workload
        command = [*self.place.strace, *FLAGS, "-o", self.place.inside(self.trace)]
        for name, value in self.variables().items():
            command += ["-E", f"{name}={value}"]
        if workload.user:
            command += ["-u", workload.user]
        command += ["sh", "-c", workload.command]
        # Only the program gets the locale, so that strace's messages stay in English.
        command[-3:-3] = ["-E", f"LANG={self.options.locale}"]
        env = [f"{k}={v}" for k, v in self.environment("C").items()]
        work = self.place.inside(self.work)
        return self.place.enter(["env", "-i", "-C", work, *env, *command])

    def _serve(self, tracer):
        self._await_ready(tracer)
        self._unwatched(self.workload.drive or "true", "drive")
        server = self._first_program(tracer)
        self._unwatched(f"SERVER={server}; " + self.workload.stop, "stop")

    def _await_ready(self, tracer):
        def ready():
            if tracer.poll() is not None:
                raise RunError(f"the server ended: {self._tail()}")
            return self._unwatched(self.workload.ready, "ready", check=False)
        wait_until(ready, READY_LIMIT, "the server")

    @staticmethod
    def _first_program(tracer):
        """strace's child, the program with which the run begins."""
        path = f"/proc/{tracer.pid}/task/{tracer.pid}/children"
        with open(path, encoding="ascii") as children:
            return int(children.read().split()[0])

    def _finish(self, process, what):
        try:
            return process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise RunError(f"{what}: still there after {LIMIT} s: {self._tail()}; its last calls: "
                           + " | ".join(last_lines(self.trace, 8))) from None

    def manifest(self):
        """Runs the workload; returns its manifest, as `footprint show --json` prints it."""
        workload = self.workload
        if workload.setup:
            self._unwatched(workload.setup, "setup")
        daemon = self._start_daemon()
        tracer = self._start(self._traced(), self.folder / "output")
        if workload.is_server:
            self._serve(tracer)
        status = self._finish(tracer, workload.name)
        if status and not workload.is_server:
            raise RunError(f"exit {status}: {self._tail()}")
        daemon.terminate()
        if self._finish(daemon, "footprintd"):
            raise RunError(f"footprintd: exit {daemon.returncode}")
        return self._shown()

    def _shown(self):
        path = self.own / f"{self.workload.name}@1.footprint"
        if not path.exists():
            raise RunError("there is no manifest: no process said hello")
        text = subprocess.run([str(self.options.build / "footprint"), "show", "--json", str(path)],
                              stdout=subprocess.PIPE, check=True).stdout
        (self.own / "manifest.json").write_bytes(text)
        return json.loads(text)

    def seen(self):
        """What strace saw of the run, with paths resolved as they are now."""
        resolver = Resolver(os.fsencode(self.place.root))
        def canonical(path):
            return resolver.resolve(b"/", os.fsencode(path)).path
        own = Own(canonical(self.place.library), canonical(self.place.inside(self.socket)),
                  canonical(self.place.inside(self.own / "spool")))
        return judge(self.trace, resolver, own, os.fsencode(self.place.inside(self.work)))


def run_workload(workload, place, options):
    """Returns an Outcome. RunError: it could not be judged."""
    begun = time.monotonic()
    with Run(workload, place, options) as run:
        manifest = run.manifest()
        seen = run.seen()
        scores = compare(seen, Said(manifest))
        return Outcome(scores, manifest["gaps"], seen.calls, time.monotonic() - begun)

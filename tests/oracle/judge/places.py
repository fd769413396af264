"""Where workloads run: on this system, or in a root directory of another Debian release.

In another root the same strace is used as outside: it is copied there with its libraries, so that
every trace is written by one version, and the paths in it are those that the programs see.
"""

import os
import shutil
import subprocess
from pathlib import Path

DEBIAN = "http://deb.debian.org/debian"
# Mounts for the programs in a root, in a mount namespace that ends with them.
ENTER = (
    'mount -t proc proc "$ROOT/proc" && mount --rbind /sys "$ROOT/sys" && '
    'mount --rbind /dev "$ROOT/dev" && exec chroot "$ROOT" "$@"'
)
TOOLS = "/opt/footprint-oracle"


class PlaceError(Exception):
    """A place that cannot be made ready."""


def _run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        text = done.stdout.decode("utf-8", "replace").strip().splitlines()[-5:]
        raise PlaceError(f"{command[0]}: exit {done.returncode}: " + " | ".join(text))
    return done.stdout


class Host:
    """This system."""

    root = Path("/")

    def __init__(self, build):
        self.library = str(build / "libfootprint.so")
        self.strace = ["strace"]

    def enter(self, command):
        """The command line that runs `command` there."""
        return command

    def inside(self, path):
        """A path of ours as programs there see it."""
        return str(path)

    def missing(self, packages):
        listed = subprocess.run(
            self.enter(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"]),
            stdout=subprocess.PIPE, check=True, text=True).stdout
        there = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
        return sorted(set(packages) - there)

    def install(self, packages):
        """Needs root. Servers are kept from starting by themselves."""
        policy = self.root / "usr/sbin/policy-rc.d"
        made = not policy.exists()
        if made:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        try:
            self._apt("update", "-qq")
            try:
                self._apt("install", "-y", "-qq", "--no-install-recommends", *packages)
            except PlaceError:
                self._install_each(packages)
        finally:
            if made:
                policy.unlink()

    def _install_each(self, packages):
        """One that cannot be had must not cost us the others; what is missing then is left out."""
        for package in packages:
            try:
                self._apt("install", "-y", "-qq", "--no-install-recommends", package)
            except PlaceError as error:
                print(f"{package}: cannot be installed: {error}", flush=True)

    def _apt(self, *arguments):
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
        _run(self.enter(["apt-get", "-o", "DPkg::Lock::Timeout=600", *arguments]), env=environment)

    def make_locale(self, name):
        if name in ("C", "C.UTF-8", "POSIX"):
            return
        listed = _run(self.enter(["locale", "-a"])).decode().lower().replace("-", "").split()
        if name.lower().replace("-", "") in listed:
            return
        if self.missing(["locales"]):
            self.install(["locales"])
        language, charset = name.split(".")
        _run(self.enter(["localedef", "-i", language, "-f", charset, name]))


class Root(Host):
    """A root directory with `suite`, made once with mmdebstrap."""

    def __init__(self, build, suite):
        super().__init__(build)
        self.root = (build / "rootfs" / suite).resolve()
        if not (self.root / "etc/debian_version").exists():
            self._make(suite)
        self._copy_library(build)
        self._copy_strace()
        self.strace = [TOOLS + "/ld.so", "--library-path", TOOLS, TOOLS + "/strace"]

    def _make(self, suite):
        if os.geteuid() != 0:
            raise PlaceError(f"{self.root}: only root can make it")
        self.root.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        _run(["mmdebstrap", "--variant=minbase", "--include=locales", suite, str(unfinished),
              DEBIAN])
        unfinished.rename(self.root)

    def _copy_library(self, build):
        folder = self.root / "opt/footprint"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(build / "libfootprint.so", folder / "libfootprint.so")
        self.library = "/opt/footprint/libfootprint.so"

    def _copy_strace(self):
        folder = self.root / TOOLS.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        program = shutil.which("strace")
        shutil.copy2(program, folder / "strace")
        for line in _run(["ldd", program]).decode().splitlines():
            words = [word for word in line.split() if word.startswith("/")]
            if words:
                name = "ld.so" if "ld-linux" in words[0] else Path(words[0]).name
                shutil.copy2(words[0], folder / name)

    def enter(self, command):
        return ["unshare", "--mount", "--propagation", "private", "env", f"ROOT={self.root}",
                "sh", "-c", ENTER, "sh", *command]

    def inside(self, path):
        return "/" + str(Path(path).relative_to(self.root))


def place_of(suite, build):
    if suite in ("host", "bookworm", "musl"):
        return Host(build)
    return Root(build, suite)

"""Reads workloads/*.toml: real programs to be judged, as small declarations.

    [[workload]]
    name = "nginx"              what it is called
    packages = ["nginx-light"]  Debian packages it needs
    setup = '''...'''           shell, before, not watched
    command = '''...'''         shell, watched: this is judged
    ready = '''...'''           shell, tried until it succeeds: the server answers; not watched
    drive = '''...'''           shell, then: requests; not watched
    stop = '''...'''            shell, then; default: SIGTERM to the first program
    suites = ["bookworm"]       where it exists; default SUITES
    quick = true                light enough for every `make check`
    heavy = true                takes long, and much to install: not in continuous integration
    known = "why"               it does not reach the bars, and doc/oracle.md says why
    repeatable = true           twenty runs give the same manifest
    preload = ["/…/lib.so"]     libraries preloaded besides ours
    user = "postgres"          the user that the command runs as; default root

Every shell has WORK (an empty directory, also HOME and where it starts), PORT and PORT2 (free),
and `command` runs with the locale under test.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

SUITES = ("bookworm", "bullseye", "trixie")
FOLDER = Path(__file__).resolve().parent.parent / "workloads"


@dataclass
class Workload:
    name: str
    command: str
    packages: list = field(default_factory=list)
    setup: str = ""
    ready: str = ""
    drive: str = ""
    stop: str = 'kill -TERM "$SERVER"'
    suites: tuple = SUITES
    quick: bool = False
    heavy: bool = False
    repeatable: bool = False
    known: str = ""
    preload: list = field(default_factory=list)
    user: str = ""

    @property
    def is_server(self):
        return bool(self.ready)


class WorkloadError(Exception):
    """An invalid declaration."""


def load():
    """All workloads, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        with open(path, "rb") as file:
            entries = tomllib.load(file)["workload"]
        for entry in entries:
            try:
                workload = Workload(**entry)
            except TypeError as error:
                raise WorkloadError(f"{path.name}: {error}") from None
            if workload.name in found:
                raise WorkloadError(f"{path.name}: {workload.name}: there is one already")
            found[workload.name] = workload
    return found

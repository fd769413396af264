"""What neither side is asked about. doc/oracle.md lists the same."""

import re
from dataclasses import dataclass

# doc/facts.md: /proc, /sys, and what is a process's own in /dev.
TREES = (b"/proc", b"/sys", b"/dev/pts", b"/dev/fd")
NODES = (b"/dev/stdin", b"/dev/stdout", b"/dev/stderr")


@dataclass(frozen=True)
class Own:
    """What belongs to the watching itself, canonical."""

    library: bytes
    socket: bytes
    spool: bytes

    def owns(self, path):
        # Beside the library stand the supervisor of static programs, and what it keeps of a libc.
        supervisor = self.library.rpartition(b"/")[0] + b"/footprint-supervise"
        if path.startswith((self.library + b".sites-", self.library + b".pages-")):
            return True
        return path in (self.library, self.socket, supervisor) or within(path, self.spool)


def within(path, tree):
    return path == tree or path.startswith(tree + b"/")


def left_out(path):
    """Is a canonical path none of the manifest's business?"""
    if any(within(path, tree) for tree in TREES) or path in NODES:
        return True
    return path.startswith(b"/dev/tty")


TEMPORARY_SEMAPHORE = re.compile(rb"/dev/shm/(sem\.)?[A-Za-z0-9]{6}")


def is_temporary_semaphore(path):
    """sem_open makes a semaphore under a random name, then links it to its own: /dev/shm/sem.XXXXXX,
    before glibc 2.35 /dev/shm/XXXXXX."""
    return TEMPORARY_SEMAPHORE.fullmatch(path) is not None

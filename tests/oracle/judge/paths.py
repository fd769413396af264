"""Where a path leads, in a given root, at the end of the run: component by component."""

import os
import stat
from dataclasses import dataclass

LINKS_MAX = 40  # as the kernel


@dataclass(frozen=True)
class Resolved:
    path: bytes  # canonical, as seen from the root, as far as it exists
    links: tuple  # canonical paths of the symlinks walked
    exists: bool
    mode: int = 0
    own_link: bytes = None  # the symlink that the path itself names, where that was walked


def lexical(at, pieces):
    """What does not exist is only a text: ".." takes back the name before it."""
    for piece in pieces:
        at = at.rpartition(b"/")[0] if piece == b".." else at + b"/" + piece
    return at or b"/"


class Resolver:
    """Resolves in `root`, the directory that the judged program saw as "/". What it learned is
    kept: use it only when the run is over."""

    def __init__(self, root=b"/"):
        self.root = root.rstrip(b"/")
        self._modes = {}
        self._targets = {}

    def mode(self, path):
        """lstat's st_mode of a canonical path, 0: nothing there."""
        if path not in self._modes:
            try:
                self._modes[path] = os.lstat(self.root + (path or b"/")).st_mode
            except (FileNotFoundError, NotADirectoryError):
                self._modes[path] = 0
        return self._modes[path]

    def target(self, path):
        if path not in self._targets:
            self._targets[path] = os.readlink(self.root + path)
        return self._targets[path]

    def resolve(self, base, path, follow=True, chroot=b"/"):
        """`base`: absolute, as seen from the root. `chroot`: where the process saw "/" itself."""
        chroot = chroot.rstrip(b"/")
        at = b""
        links = []
        left = self._pieces(path)
        if path.startswith(b"/"):
            left = self._pieces(chroot) + left if chroot else left
        else:
            left = self._pieces(base) + left
        must_follow = path.endswith((b"/", b"/."))
        own_link = None
        while left:
            name = left.pop(0)
            if name == b"..":
                at = at if at == chroot else at.rpartition(b"/")[0]
                continue
            step = at + b"/" + name
            if step == b"/proc" and left:
                # Its links speak of the process that reads them, which is us: not walked.
                return Resolved(lexical(step, left), tuple(links), False)
            mode = self.mode(step)
            if stat.S_ISLNK(mode) and (left or follow or must_follow):
                links.append(step)
                if not left and not must_follow:
                    own_link = own_link or step
                if len(links) > LINKS_MAX:
                    return Resolved(step, tuple(links), False)
                target = self.target(step)
                if target.startswith(b"/"):
                    at = chroot
                left = self._pieces(target) + left
                continue
            if not mode or (left and not stat.S_ISDIR(mode)):
                return Resolved(lexical(step, left), tuple(links), False)
            at = step
        return Resolved(at or b"/", tuple(links), True, self.mode(at), own_link)

    @staticmethod
    def _pieces(path):
        return [piece for piece in path.split(b"/") if piece not in (b"", b".")]

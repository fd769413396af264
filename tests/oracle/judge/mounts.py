"""What processes have mounted where, with mount(MS_BIND): a file below such a mount is reported by the name that
it has without it.

A Space is a mount namespace. strace prints what a process says, so a mount on `/proc/self/fd/4` needs what
that descriptor was when it was last seen.
"""

import re

from .exclusions import within
from .strace import Text

DESCRIPTOR = re.compile(rb"/proc/self/fd/(\d+)")


class Space:
    """Mounts in the order of time: (what, where), each absolute."""

    def __init__(self, parent=None):
        self.binds = list(parent.binds) if parent else []


class Descriptors:
    """The last path of each descriptor of a process."""

    def __init__(self):
        self.paths = {}

    def see(self, call):
        for value in call.values:
            if getattr(value, "path", None) and value.text.isdigit():
                self.paths[call.pid, int(value.text)] = value.path
        if call.finished and not call.error and call.result_word.path:
            self.paths[call.pid, call.result] = call.result_word.path

    def path(self, pid, text):
        match = DESCRIPTOR.fullmatch(text)
        return self.paths.get((pid, int(match[1]))) if match else text


def bind_of(call, descriptors):
    """(what, where) of a mount(MS_BIND). None: it is another call, or its paths are not known."""
    if call.name != "mount" or not isinstance(call.values[0], Text):
        return None
    flags = call.values[3].flags()
    if "MS_BIND" not in flags or "MS_REMOUNT" in flags:
        return None
    bind = tuple(descriptors.path(call.pid, text.bytes) for text in call.values[:2])
    return bind if all(path and path.startswith(b"/") for path in bind) and bind[0] != bind[1] else None


def without(path, binds):
    """The name that a canonical path has without these mounts: the last one is on top."""
    for what, where in reversed(binds):
        if within(path, where):
            path = what + path[len(where):]
    return path

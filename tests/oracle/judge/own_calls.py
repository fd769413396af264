"""Calls that the preload library may have made itself, beside those of the program it watches.

strace cannot tell them apart, so each is known by a narrow mark: exact flags, a path of ours, or
the call that must follow it at once. A program may make the same call; what is marked here is
therefore not demanded of the manifest, but may stand in it. Nothing is ever allowed in the
manifest that strace did not see.

- "/" opened to be handed to the aggregator, with flags that nothing else needs together
- a program looked at before it is executed or spawned: is it static, does it gain privileges?
- whether the dynamic linker's own files are there, asked once at the start of each program
- whether a library exists that dlopen is given as a path, and a semaphore that sem_open makes
"""

from .strace import Call, Text
from .tasks import clone_flags

ROOT_HANDLE = {"O_RDONLY", "O_PATH", "O_DIRECTORY", "O_CLOEXEC"}
PROGRAM_LOOK = {"O_RDONLY", "O_NOCTTY", "O_NONBLOCK", "O_CLOEXEC"}
LINKER_FILES = {b"/etc/ld.so.cache", b"/etc/ld.so.preload", b"/etc/ld-musl-x86_64.path"}
EXECS = {"execve", "execveat"}


def path_of(call):
    """The path argument of the calls that matter here, None: another call."""
    if call.name in ("newfstatat", "openat", "faccessat", "execveat"):
        text = call.values[1]
    elif call.name in ("access", "execve"):
        text = call.values[0]
    else:
        return None
    return text.bytes if isinstance(text, Text) else None


def is_open_with(call, flags):
    return call.name == "openat" and call.values[2].flags() == flags


def is_program_look(call):
    return is_open_with(call, PROGRAM_LOOK)


def is_plain_stat(call):
    return call.name == "newfstatat" and call.values[3].text in ("0", "AT_EMPTY_PATH")


def is_access(call, mode):
    return call.name == "access" and call.values[1].text == mode


def is_own_alone(call):
    """Known without its neighbours."""
    path = path_of(call)
    if is_program_look(call):
        return True
    if call.name == "openat" and path == b"/":
        return is_open_with(call, ROOT_HANDLE)
    if call.name == "faccessat":
        return path in LINKER_FILES
    return is_access(call, "F_OK") and path is not None and path.startswith(b"/dev/shm/sem.")


def leads_to(call, following):
    """Is `call` a look at what the next call of its task executes or opens?"""
    path = path_of(call)
    if path is None or path != path_of(following):
        return False
    if is_plain_stat(call):
        return is_program_look(following) or following.name in EXECS
    return is_access(call, "F_OK") and following.name == "openat"


class Finder:
    """find() gives the marked calls of a trace."""

    def __init__(self, events):
        self.by_task = {}
        for event in events:
            if isinstance(event, Call) and event.name != "mmap" and event.finished:
                self.by_task.setdefault(event.pid, []).append(event)
        self.found = set()

    def find(self):
        for calls in self.by_task.values():
            for index, call in enumerate(calls):
                following = calls[index + 1] if index + 1 < len(calls) else None
                if is_own_alone(call) or (following and leads_to(call, following)):
                    self.found.add(call)
                if call.name in ("vfork", "clone", "clone3") and not call.error:
                    self._spawn(calls, index)
        return self.found

    def _spawn(self, calls, index):
        """posix_spawn: the looks are the parent's, the exec is the child's."""
        birth = calls[index]
        if birth.name != "vfork" and "CLONE_VFORK" not in clone_flags(birth):
            return
        child = self.by_task.get(birth.result, [])
        executed = {path_of(call) for call in child if call.name in EXECS}
        for call in reversed(calls[:index]):
            looks = is_plain_stat(call) or is_access(call, "X_OK") or is_program_look(call)
            if not looks or path_of(call) not in executed:
                return
            self.found.add(call)

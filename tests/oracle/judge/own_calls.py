"""Calls that the preload library may have made itself, beside those of the program it watches.

strace cannot tell them apart, so each is known by a narrow mark: exact flags, a path of ours, or
the call that must follow it at once. A program may make the same call; what is marked here is
therefore not demanded of the manifest, but may stand in it. Nothing is ever allowed in the
manifest that strace did not see.

- "/" opened to be handed to the aggregator, with flags that nothing else needs together; or asked which
  mount it is, in a program whose parent was handed a pool
- the table of mounts, before and after a call that may change the root
- a program looked at before it is executed or spawned: is it static, does it gain privileges?
- whether the dynamic linker's own files are there, asked once at the start of each program
- whether a library exists that dlopen is given as a path, and a semaphore that sem_open makes
"""

from .strace import Call, Superseded, Text
from .tasks import clone_flags

ROOT_HANDLE = {"O_RDONLY", "O_PATH", "O_DIRECTORY", "O_CLOEXEC"}
ROOT_QUESTION = ({"AT_STATX_SYNC_AS_STAT", "AT_NO_AUTOMOUNT"}, {"STATX_INO", "STATX_MNT_ID"})
PROCESS_HANDLE = {"O_RDONLY", "O_PATH", "O_DIRECTORY", "O_CLOEXEC"}
MOUNT_TABLE = {"O_RDONLY", "O_CLOEXEC"}
PROGRAM_LOOK = {"O_RDONLY", "O_NOCTTY", "O_NONBLOCK", "O_CLOEXEC"}
LIBRARY_TRIED = {"O_RDONLY", "O_NONBLOCK", "O_CLOEXEC"}
LINKER_FILES = {b"/etc/ld.so.cache", b"/etc/ld.so.preload", b"/etc/ld-musl-x86_64.path"}
PASSED_OVER = {"mmap", "getcwd"}  # about no path: they may stand between a look and its exec
EXECS = {"execve", "execveat"}


def path_of(call):
    """The path argument of the calls that matter here, None: another call."""
    if call.name in ("newfstatat", "openat", "faccessat", "faccessat2", "execveat", "statx"):
        text = call.values[1]
    elif call.name in ("open", "access", "execve", "readlink", "mkdir"):
        text = call.values[0]
    else:
        return None
    return text.bytes if isinstance(text, Text) else None


def is_open_with(call, flags):
    return call.name == "openat" and call.values[2].flags() == flags


def asks_for_root(call):
    return (call.name == "statx" and path_of(call) == b"/"
            and (call.values[2].flags(), call.values[3].flags()) == ROOT_QUESTION)


def opens_root(call):
    return call.name == "openat" and path_of(call) == b"/" and is_open_with(call, ROOT_HANDLE)


def opens_mounts(call):
    return (path_of(call) == b"/proc/thread-self" and is_open_with(call, PROCESS_HANDLE)
            or path_of(call) in (b"/proc/thread-self/mountinfo", b"mountinfo") and is_open_with(call, MOUNT_TABLE))


def asks_for_pool(call):
    """A message to nobody by name: on a connection."""
    return (call.name == "sendmsg" and hasattr(call.values[1], "get")
            and getattr(call.values[1].get("msg_name"), "text", None) == "NULL")


def is_program_look(call):
    return is_open_with(call, PROGRAM_LOOK)


def is_plain_stat(call):
    return call.name == "newfstatat" and call.values[3].text in ("0", "AT_EMPTY_PATH")


def is_access(call, mode):
    return call.name == "access" and call.values[1].text == mode


def may_it_run(call):
    return call.name == "faccessat2" and call.values[2].text == "X_OK"


def is_own_alone(call):
    """Known without its neighbours."""
    path = path_of(call)
    if is_program_look(call) or asks_for_root(call) or opens_root(call) or opens_mounts(call):
        return True
    if call.name == "faccessat":
        return path in LINKER_FILES
    return is_access(call, "F_OK") and path is not None and path.startswith(b"/dev/shm/sem.")


def is_look(call):
    """Could it be a look at a program?"""
    return (is_plain_stat(call) or is_program_look(call) or is_access(call, "X_OK")
            or may_it_run(call))


def is_ours(call, own):
    """Our library's file, the spool, the name of a descriptor; the root, where a record found no room and
    memory is made before the exec that it is about."""
    path = path_of(call)
    if path is None:
        return False
    if opens_root(call):
        return True
    return own.owns(path) or (call.name == "readlink" and path.startswith(b"/proc/self/fd/"))


def looks_before(calls, index, names, own):
    """The unbroken run of looks that ends before calls[index], from the first at one of `names`
    on: at a script they go on with its interpreter. What is certainly ours does not break it."""
    first = start = index
    while start > 0 and (is_look(calls[start - 1]) or is_ours(calls[start - 1], own)):
        start -= 1
        if path_of(calls[start]) in names:
            first = start
    return calls[first:index]


class Finder:
    """find() gives the marked calls of a trace."""

    def __init__(self, events, own):
        self.own = own
        self.by_task = {}
        for event in events:
            if isinstance(event, Superseded):
                # The thread that executes goes on under the pid of its process.
                self.by_task.setdefault(event.pid, []).extend(self.by_task.pop(event.by, []))
            elif (isinstance(event, Call) and event.name not in PASSED_OVER and event.finished
                  and not asks_for_pool(event)):
                self.by_task.setdefault(event.pid, []).append(event)
        self.found = set()

    def find(self):
        for calls in self.by_task.values():
            for index, call in enumerate(calls):
                self._one(calls, index, call)
        return self.found

    def _one(self, calls, index, call):
        if is_own_alone(call):
            self.found.add(call)
        elif call.name in EXECS:
            self.found.update(looks_before(calls, index, {path_of(call)}, self.own))
        elif call.name in ("vfork", "clone", "clone3") and not call.error:
            self._spawn(calls, index)
        elif is_access(call, "F_OK") and index + 1 < len(calls):
            following = calls[index + 1]
            if following.name == "openat" and path_of(following) == path_of(call):
                self.found.add(call)

    def _spawn(self, calls, index):
        """posix_spawn: the looks are the parent's, the exec is the child's."""
        birth = calls[index]
        if birth.name != "vfork" and "CLONE_VFORK" not in clone_flags(birth):
            return
        child = self.by_task.get(birth.result, [])
        executed = {path_of(call) for call in child if call.name in EXECS}
        self.found.update(looks_before(calls, index, executed, self.own))


def marks_start(call):
    """The first thing that our library does in a process image."""
    return asks_for_root(call) or opens_root(call)


def misses_library(call, own):
    """Our library asks, before an exec, whether the new program will find it: it will not. With
    no_new_privs, which strace sets, it tries to open itself."""
    asks = is_access(call, "R_OK") or is_open_with(call, LIBRARY_TRIED)
    return asks and path_of(call) == own.library and call.error is not None

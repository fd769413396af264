"""What each call becomes: doc/facts.md, read once more.

accesses(step) gives the raw accesses of one call: a path relative to a directory, not yet
resolved. ARGUMENTS says where each call has its paths; what it does with them stands beside.
"""

from dataclasses import dataclass

from .strace import Group, Struct, Text, TraceError, Word
from .tasks import Step, directory_of

READ, WRITE, CREATE, DELETE = "read", "write", "create", "delete"
RENAME, METADATA, LIST, CHECK = "rename", "metadata", "list", "check"
EXEC, LOAD = "exec", "load"

# The call did not look at the name, or not at this one.
NOT_LOOKED = {
    "EFAULT", "EBADF", "EINVAL", "ENOMEM", "EMFILE", "ENFILE", "EINTR", "ENOSYS", "ENAMETOOLONG",
    "ENOTSOCK", "EAFNOSUPPORT", "EPROTOTYPE",
    # What strace prints for a call that was interrupted and is made again, which shows too.
    "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ERESTART_RESTARTBLOCK",
}
ABSENT = {"ENOENT", "ENOTDIR"}


@dataclass(eq=False)
class PathUse:
    """A path was used. The outcome is in: accesses are what came of it, none when it is missing."""

    step: Step
    base: bytes
    path: bytes
    follow: bool
    accesses: frozenset
    missing: bool = False


@dataclass(eq=False)
class EndpointUse:
    step: Step
    operation: str  # connect, bind, send
    address: str | bytes  # bytes: a socket's path


# name: (index of the directory or None, of the path, of the flags or None, follows, accesses)
def _checks(directory, path, flags=None, follow=True):
    return (directory, path, flags, follow, frozenset({CHECK}))


def _changes(directory, path, flags=None, follow=True):
    return (directory, path, flags, follow, frozenset({METADATA}))


def _creates(directory, path):
    return (directory, path, None, False, frozenset({CREATE}))


def _deletes(directory, path):
    return (directory, path, None, False, frozenset({DELETE}))


ONE_PATH = {
    "stat": _checks(None, 0), "lstat": _checks(None, 0, follow=False),
    "newfstatat": _checks(0, 1, 3), "statx": _checks(0, 1, 2),
    "access": _checks(None, 0), "faccessat": _checks(0, 1), "faccessat2": _checks(0, 1, 3),
    "readlink": _checks(None, 0, follow=False), "readlinkat": _checks(0, 1, follow=False),
    "statfs": _checks(None, 0),
    "getxattr": _checks(None, 0), "lgetxattr": _checks(None, 0, follow=False),
    "listxattr": _checks(None, 0), "llistxattr": _checks(None, 0, follow=False),
    "chdir": _checks(None, 0), "chroot": _checks(None, 0),
    "inotify_add_watch": _checks(None, 1, 2),
    "name_to_handle_at": _checks(0, 1, 4, follow=False),
    "chmod": _changes(None, 0), "fchmodat": _changes(0, 1), "fchmodat2": _changes(0, 1, 3),
    "chown": _changes(None, 0), "lchown": _changes(None, 0, follow=False),
    "fchownat": _changes(0, 1, 4),
    "utime": _changes(None, 0), "utimes": _changes(None, 0), "futimesat": _changes(0, 1),
    "utimensat": _changes(0, 1, 3),
    "setxattr": _changes(None, 0), "lsetxattr": _changes(None, 0, follow=False),
    "removexattr": _changes(None, 0), "lremovexattr": _changes(None, 0, follow=False),
    "mkdir": _creates(None, 0), "mkdirat": _creates(0, 1),
    "mknod": _creates(None, 0), "mknodat": _creates(0, 1),
    "symlink": _creates(None, 1), "symlinkat": _creates(1, 2),
    "unlink": _deletes(None, 0), "unlinkat": _deletes(0, 1), "rmdir": _deletes(None, 0),
    "truncate": (None, 0, None, True, frozenset({WRITE})),
    "fanotify_mark": _checks(3, 4), "quotactl": _checks(None, 1),
    "umount": _checks(None, 0), "umount2": _checks(None, 0), "open_tree": _checks(0, 1, 2),
    "fspick": _checks(0, 1), "mount_setattr": _checks(0, 1, 2),
    "swapon": (None, 0, None, True, frozenset({READ, WRITE})),
    "swapoff": (None, 0, None, True, frozenset({READ, WRITE})),
    "acct": (None, 0, None, True, frozenset({WRITE})),
}

# name: (directory and path of the old name, of the new one, flags)
RENAMES = {"rename": (None, 0, None, 1), "renameat": (0, 1, 2, 3), "renameat2": (0, 1, 2, 3)}
LINKS = {"link": (None, 0, None, 1, None), "linkat": (0, 1, 2, 3, 4)}

FOLLOW_NOT = {"AT_SYMLINK_NOFOLLOW", "IN_DONT_FOLLOW"}

# Calls that name a file but use none in the sense of doc/facts.md, or are not about files at all.
WITHOUT_ACCESS = {
    "fork", "vfork", "clone", "clone3", "fchdir", "unshare", "setns", "io_uring_setup", "mmap",
    "getcwd", "pivot_root", "fsopen", "uselib",
    "execve", "execveat", "fstat", "fstatfs", "fsetxattr", "fgetxattr", "flistxattr",
    "restart_syscall",
}


def _is_no_link(call):
    """readlink looked at the name and found no symlink. Without room for an answer it never looks."""
    return (call.name in ("readlink", "readlinkat") and call.error == "EINVAL"
            and 0 < int(call.values[-1].text, 0) < 1 << 31)  # the kernel takes it as an int


def outcome(step, accesses):
    """(accesses, missing) after the outcome of the call; None: it never looked."""
    error = step.call.error
    if not error or _is_no_link(step.call):
        return accesses, False
    if error in NOT_LOOKED:
        return None
    if error in ABSENT:
        return frozenset(), True
    return frozenset({CHECK}), False


def _path_use(step, directory, path, follow, accesses):
    """The PathUse of arguments `directory` (None: none) and `path`, in a list; none without a name."""
    values = step.call.values
    came = outcome(step, accesses)
    if came is None:
        return []
    text = values[path]
    if not isinstance(text, Text):
        if isinstance(text, Word) and text.text == "NULL":
            return []  # utimensat(fd, NULL): the descriptor alone
        raise TraceError(f"line {step.call.end}: a path that strace could not read: {text}")
    if text.cut:
        raise TraceError(f"line {step.call.end}: a path longer than {len(text.bytes)} bytes")
    if not text.bytes:
        return []
    base = step.cwd
    if directory is not None and not text.bytes.startswith(b"/"):
        base = directory_of(values[directory], step.cwd)
        if base is None:
            raise TraceError(f"line {step.call.end}: a directory without a name")
    return [PathUse(step, base, text.bytes, follow, *came)]


def _flags(values, index):
    if index is None or index >= len(values):
        return frozenset()
    return values[index].flags()


def open_accesses(flags):
    """What O_* flags mean, for something that is not a directory."""
    if "O_PATH" in flags:
        return frozenset({CHECK})
    if "O_TMPFILE" in flags or "__O_TMPFILE" in flags:
        return frozenset({CHECK})
    if "O_DIRECTORY" in flags:
        return frozenset({LIST})
    found = {READ, WRITE} if "O_RDWR" in flags else {WRITE} if "O_WRONLY" in flags else {READ}
    if "O_CREAT" in flags:
        found.add(CREATE)
    if "O_TRUNC" in flags:
        found.add(WRITE)
    return frozenset(found)


def _opened(step, directory, path, flags):
    # O_CREAT|O_EXCL looks at the link itself too.
    follow = "O_NOFOLLOW" not in flags and not {"O_CREAT", "O_EXCL"} <= flags
    return _path_use(step, directory, path, follow, open_accesses(flags))


def _opens(step):
    values, name = step.call.values, step.call.name
    if name == "open":
        return _opened(step, None, 0, values[1].flags())
    if name == "creat":
        return _opened(step, None, 0, frozenset({"O_CREAT", "O_WRONLY", "O_TRUNC"}))
    if name == "openat":
        return _opened(step, 0, 1, values[2].flags())
    how = values[2]
    if not isinstance(how, Struct):
        return []
    return _opened(step, 0, 1, how["flags"].flags())


def _renames(step, old_directory, old, new_directory, new):
    return (_path_use(step, old_directory, old, False, frozenset({DELETE, RENAME}))
            + _path_use(step, new_directory, new, False, frozenset({CREATE, RENAME})))


def _links(step, old_directory, old, new_directory, new, flags):
    follow = "AT_SYMLINK_FOLLOW" in _flags(step.call.values, flags)
    return (_path_use(step, old_directory, old, follow, frozenset({METADATA}))
            + _path_use(step, new_directory, new, False, frozenset({CREATE})))


def _mounts(step):
    """Where something is mounted; and what, where that is a name in the tree."""
    flags = _flags(step.call.values, 3)
    named = flags & {"MS_BIND", "MS_MOVE"} and "MS_REMOUNT" not in flags
    source = _path_use(step, None, 0, True, frozenset({CHECK})) if named else []
    return source + _path_use(step, None, 1, True, frozenset({CHECK}))


def _moves(step):
    return (_path_use(step, 0, 1, False, frozenset({CHECK}))
            + _path_use(step, 2, 3, False, frozenset({CHECK})))


def address_of(value):
    """A socket address as the manifest writes it; bytes for a path; None: of no such family."""
    if not isinstance(value, Struct) or "sa_family" not in value:
        return None
    family = value["sa_family"].text
    if family == "AF_UNIX":
        return _unix_address(value)
    if family == "AF_INET":
        return f"{_inner_text(value['sin_addr'], 0)}:{value['sin_port'].values[0].text}"
    if family == "AF_INET6":
        address = next(v for v in value[None] if isinstance(v, Group) and v.name == "inet_pton")
        return f"[{_inner_text(address, 1)}]:{value['sin6_port'].values[0].text}"
    return None


def _inner_text(group, index):
    return group.values[index].bytes.decode("ascii")


def _unix_address(value):
    name = value.get("sun_path")
    if name is None:
        return None  # autobind: no name was given
    if name.abstract:
        return "unix:@" + name.bytes.decode("utf-8", "surrogateescape")
    return name.bytes or None


SOCKET_ACCESSES = {
    "connect": frozenset({READ, WRITE}), "send": frozenset({READ, WRITE}),
    "bind": frozenset({CREATE}),
}


def _addressed(step, operation, value):
    address = address_of(value)
    if address is None:
        return []
    came = outcome(step, SOCKET_ACCESSES[operation])
    if came is None:
        return []
    uses = []
    if isinstance(address, bytes):
        # bind makes the name, so it does not follow a link in the last component.
        uses.append(PathUse(step, step.cwd, address, operation != "bind", *came))
    if not (isinstance(address, bytes) and came[1]):
        uses.append(EndpointUse(step, operation, address))
    return uses


def _sends(step):
    values, name = step.call.values, step.call.name
    if name == "sendto":
        return _addressed(step, "send", values[4]) if len(values) > 4 else []
    messages = [values[1]]
    if name == "sendmmsg":
        if not isinstance(values[1], Group):
            return []
        sent = 1 if step.call.error else step.call.result
        messages = [message["msg_hdr"] for message in values[1].values[:sent]]
    uses = []
    for message in messages:
        if isinstance(message, Struct):
            uses += _addressed(step, "send", message.get("msg_name"))
    return uses


def accesses(step):
    """The PathUses and EndpointUses of a finished call, but for execs and loads (seen.py)."""
    name, values = step.call.name, step.call.values
    if name in ONE_PATH:
        directory, path, flags, follow, what = ONE_PATH[name]
        said = _flags(values, flags)
        if "AT_SYMLINK_FOLLOW" in said:
            follow = True
        return _path_use(step, directory, path, follow and not said & FOLLOW_NOT, what)
    if name in ("open", "openat", "openat2", "creat"):
        return _opens(step)
    if name in RENAMES:
        return _renames(step, *RENAMES[name])
    if name in LINKS:
        return _links(step, *LINKS[name])
    if name == "mount":
        return _mounts(step)
    if name == "move_mount":
        return _moves(step)
    if name in ("connect", "bind"):
        return _addressed(step, name, values[1])
    if name in ("sendto", "sendmsg", "sendmmsg"):
        return _sends(step)
    if name in WITHOUT_ACCESS:
        return []
    raise TraceError(f"line {step.call.end}: a call that nothing is known about: {name}")

"""Follows the processes of a trace: which program a call was made by, and from which directory.

A task is a thread. Tasks of one process share an Image; so do forks, until one of them execs:
an image is what the manifest calls an executable's run. Working directory and root belong to a
Place, which tasks share after clone(CLONE_FS). What is mounted belongs to a Space, which tasks share
unless they ask for one of their own (CLONE_NEWNS).
"""

from dataclasses import dataclass, field

from .mounts import Descriptors, Space, bind_of
from .strace import Call, Ended, Superseded, Text, TraceError


@dataclass(eq=False)
class Image:
    """One execve's worth of a process, with the call that began it."""

    call: Call
    base: bytes  # directory that the executed path is relative to
    path: bytes  # as it was given, or of the descriptor
    root: bytes
    parent: "Image | None"
    environment: dict = field(default_factory=dict)
    binds: tuple = ()  # as they were when it began


@dataclass(eq=False)
class Place:
    cwd: bytes
    root: bytes = b"/"


@dataclass(eq=False)
class Task:
    pid: int
    image: Image | None
    place: Place
    space: Space


@dataclass(eq=False)
class Step:
    """One call in its context: `cwd` and `root` are those at the time of the call."""

    call: Call
    image: Image
    cwd: bytes
    root: bytes
    binds: tuple  # of its mount namespace until then
    space: Space


BIRTHS = {"fork", "vfork", "clone", "clone3"}


def clone_flags(call):
    if call.name == "clone":
        return call.named["flags"].flags()
    if call.name == "clone3":
        return call.values[0]["flags"].flags()
    return frozenset()


class Births:
    """Who made each process. A child's first lines may precede the line on which its parent's clone
    returns, so the whole trace is searched first. A pid may be used again."""

    def __init__(self, events):
        self.calls = {}
        for event in events:
            if isinstance(event, Call) and event.name in BIRTHS and event.finished \
                    and not event.error:
                self.calls.setdefault(event.result, []).append(event)

    def awaits(self, call):
        """Has the process that `call` made not been seen yet?"""
        return call in self.calls.get(call.result, [])

    def of(self, pid, line):
        """The call that made `pid`, which first appears on `line`."""
        waiting = self.calls.get(pid, [])
        if not waiting or waiting[0].start > line:
            raise TraceError(f"line {line}: nobody made process {pid}")
        return waiting.pop(0)


def joined(base, path):
    return path if path.startswith(b"/") else base.rstrip(b"/") + b"/" + path


def directory_of(word, cwd):
    """The directory that an argument means. None: strace could not name it."""
    if word.text == "AT_FDCWD":
        return word.path or cwd
    return word.path


class Follower:
    """Iterates over the Steps of a trace that began in directory `cwd`."""

    def __init__(self, events, cwd, root=b"/"):
        self.events = events
        self.births = Births(events)
        self.tasks = {}
        self.first = Place(cwd, root)
        self.descriptors = Descriptors()

    def __iter__(self):
        for event in self.events:
            if isinstance(event, Superseded):
                self.tasks[event.pid] = self._task(event.by, event.end)
                self.tasks.pop(event.by, None)
                continue
            if isinstance(event, Ended):
                self.tasks.pop(event.pid, None)
                continue
            task = self._task(event.pid, event.start)
            self._see_cwd(event, task)
            self.descriptors.see(event)
            step = Step(event, task.image, task.place.cwd, task.place.root, tuple(task.space.binds), task.space)
            if event.finished and not event.error:
                self._move(event, task)
                self._mount(event, task)
                if event.name in BIRTHS:
                    # Now, because the parent may be gone when the child first appears.
                    if self.births.awaits(event):
                        self._task(event.result, event.end)
                elif event.name in ("execve", "execveat"):
                    task.image = self._executed(event, step)
            # The very first execve is strace's own, by which the traced program begins.
            if step.image or task.image:
                yield step

    def _task(self, pid, line):
        task = self.tasks.get(pid)
        if task:
            return task
        if not self.tasks and not self.births.calls.get(pid) and self.first:
            task, self.first = Task(pid, None, self.first, Space()), None
        else:
            task = self._born(pid, line)
        self.tasks[pid] = task
        return task

    def _born(self, pid, line):
        birth = self.births.of(pid, line)
        parent = self._task(birth.pid, birth.start)
        flags = clone_flags(birth)
        space = Space(parent.space) if "CLONE_NEWNS" in flags else parent.space
        if "CLONE_FS" in flags:
            return Task(pid, parent.image, parent.place, space)
        return Task(pid, parent.image, Place(parent.place.cwd, parent.place.root), space)

    @staticmethod
    def _see_cwd(call, task):
        """strace prints the working directory beside AT_FDCWD, as the kernel knows it."""
        if call.name == "mmap":
            return
        for value in call.values:
            if getattr(value, "text", None) == "AT_FDCWD" and value.path and not value.deleted:
                task.place.cwd = value.path

    def _move(self, call, task):
        place = task.place
        if call.name == "chdir":
            place.cwd = self._entered(place, call.values[0])
        elif call.name == "fchdir":
            place.cwd = call.values[0].path or place.cwd
        elif call.name == "chroot":
            place.root = self._entered(place, call.values[0])
        elif call.name == "unshare" and "CLONE_FS" in call.values[0].flags():
            task.place = Place(place.cwd, place.root)

    def _mount(self, call, task):
        bind = bind_of(call, self.descriptors)
        if bind:
            task.space.binds.append(bind)
        elif call.name == "unshare" and "CLONE_NEWNS" in call.values[0].flags():
            task.space = Space(task.space)

    @staticmethod
    def _entered(place, text):
        if not isinstance(text, Text) or text.cut:
            raise TraceError("a directory was entered that strace could not read")
        if text.bytes.startswith(b"/"):
            return place.root.rstrip(b"/") + text.bytes
        return joined(place.cwd, text.bytes)

    @staticmethod
    def _executed(call, step):
        if call.name == "execve":
            path, base = call.values[0].bytes, step.cwd
        else:
            path, base = call.values[1].bytes, directory_of(call.values[0], step.cwd)
            if not path:
                path = call.values[0].path
        return Image(call, base, path, step.root, step.image, binds=step.binds)

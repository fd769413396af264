"""The canonical sets of what strace saw: per category, each fact with the line that proves it.

A fact is (program, path) with the access where a category has several, (program, operation,
address) for endpoints, and a path alone for what is missing.
"""

import os
import stat
from dataclasses import replace

from . import accesses, elf
from .accesses import CHECK, LIST, READ, PathUse
from .exclusions import is_temporary_semaphore, left_out
from .mounts import without
from .own_calls import EXECS, Finder, marks_start, misses_library
from .strace import Reader, TraceError
from .tasks import Follower, directory_of

# "search": what the dynamic linker looked for in vain, before any of our code could run.
CATEGORIES = (
    "opened", "loaded", "executed", "written", "connected", "links", "checked", "missing",
    "search",
)
WRITING = {"write", "create", "delete", "rename", "metadata"}
SHEBANGS_MAX = 5  # interpreters that are scripts themselves: the kernel's limit


class Seen:
    def __init__(self):
        self.facts = {category: {} for category in CATEGORIES}
        # The manifest may have these, but need not: they follow from other facts, and not from a call.
        self.derived = {category: set() for category in CATEGORIES}
        self.unwatched = {}  # programs that cannot be watched -> evidence: each must be a gap
        self.gone = set()  # paths that did not exist any more when the run was over
        self.calls = 0

    def add(self, category, fact, evidence, demanded=True):
        if demanded:
            self.facts[category].setdefault(fact, evidence)
        else:
            self.derived[category].add(fact)


class Judge:
    """Makes a Seen from a trace. `place` has the root, `own` what belongs to the watching itself."""

    def __init__(self, resolver, own, first_cwd):
        self.resolver = resolver
        self.own = own
        self.first_cwd = first_cwd
        self.seen = Seen()
        self.programs = {}  # Image -> canonical path of its executable; None: it cannot be watched
        self.doubtful = set()  # calls that may be the library's own
        self.started = set()  # images in which our library has started
        self.will_start = set()
        self.mounts = {}  # of a Step or Image -> the same, canonical

    def read(self, lines):
        events = list(Reader(lines))
        self.doubtful = Finder(events, self.own).find()
        steps = list(Follower(events, self.first_cwd))
        self._look_ahead(steps)
        for step in steps:
            self.seen.calls += 1
            self._step(step)
        self._drop_said_elsewhere()
        return self.seen

    def _look_ahead(self, steps):
        """Finds the images in which our library worked, and those that cannot find it."""
        asked, lost = {}, set()
        for step in steps:
            call = step.call
            if not call.finished or step.image is None:
                continue
            if marks_start(call):
                self.will_start.add(step.image)
            elif misses_library(call, self.own):
                asked[call.pid] = True
            elif call.name in EXECS and not call.error and asked.pop(call.pid, False):
                lost.add(call)
            elif step.image.call in lost and step.image not in self.programs:
                self._cannot_watch(step.image)

    def _cannot_watch(self, image):
        path, _ = self._image_path(image)
        self.programs[image] = None
        self.seen.unwatched[path] = image.call

    def _drop_said_elsewhere(self):
        """Drops searches at the start that a program also made later on."""
        search, missing = self.seen.facts["search"], self.seen.facts["missing"]
        checked = self.seen.facts["checked"]
        for fact in [f for f in search if (f[1] in missing if f[0] == "missing" else f[1:] in checked)]:
            del search[fact]

    def _step(self, step):
        call = step.call
        if not call.finished:
            return
        if call.name in EXECS:
            self._executed(step)
            return
        by = self._program(step.image)
        if by is None:
            return
        if marks_start(call):
            self.started.add(step.image)
        if call.name == "mmap":
            self._mapped(step, by)
            return
        for use in accesses.accesses(step):
            if isinstance(use, PathUse):
                self._used(use, by)
            else:
                self._reached(use, by)

    def _resolve(self, where, base, path, follow=True):
        """`where`: the Step or Image whose root and mounts count."""
        found = self.resolver.resolve(base, path, follow, where.root)
        name = without(found.path, self._canonical(where.binds)) if where.binds else found.path
        if name == found.path:
            return found
        # What is mounted there has a name elsewhere, without symlinks.
        below = self.resolver.resolve(b"/", name, follow)
        return replace(below, links=found.links + below.links)

    def _canonical(self, binds):
        """Mounts as canonical paths; what is mounted may itself be below those before."""
        if binds not in self.mounts:
            known = []
            for what, where in binds:
                known.append((without(self.resolver.resolve(b"/", what).path, known),
                              self.resolver.resolve(b"/", where).path))
            self.mounts[binds] = known
        return self.mounts[binds]

    # --- programs -----------------------------------------------------------------------------

    def _file(self, canonical):
        return os.fsdecode(self.resolver.root + canonical)

    def _program(self, image):
        """The canonical path of an image's executable, None for one that cannot be watched."""
        if image not in self.programs:
            self.programs[image] = self._start(image)
        return self.programs[image]

    def _image_path(self, image):
        """Where the executed path leads. /proc/self/exe is the caller's executable."""
        if image.path in (b"/proc/self/exe", b"/proc/thread-self/exe") and image.parent:
            return self._program(image.parent), ()
        found = self._resolve(image, image.base, image.path)
        if elf.is_linker(self._file(found.path)):
            program = elf.linker_program(image.call.values[1].values)
            if program:
                self.seen.add("loaded", (found.path, found.path), image.call, demanded=False)
                linker = found.path
                found = self._resolve(image, image.base, program)
                self.seen.derived["executed"].update([(linker, linker), (linker, found.path)])
        return found.path, found.links

    def _start(self, image):
        program, links = self._image_path(image)
        for _ in range(SHEBANGS_MAX):
            script = elf.shebang(self._file(program))
            if not script:
                break
            found = self._resolve(image, image.base, script)
            self.seen.derived["executed"].add((program, found.path))
            self._link_facts(found.links, program, image.call, demanded=False)
            self._allow(found, image)
            program = found.path
        # A program may also be executed by itself: nobody else is known for the first one.
        self.seen.add("executed", (program, program), image.call, demanded=False)
        self._link_facts(links, program, image.call, demanded=False)
        interpreter = elf.interpreter(self._file(program))
        if interpreter is None and not os.path.lexists(self._file(program)):
            self._any_linker(program, image)
            return program
        if interpreter is None:
            if elf.is_elf(self._file(program)) and not elf.is_linker(self._file(program)):
                self.seen.unwatched[program] = image.call
                return None
            return program
        found = self._resolve(image, b"/", interpreter)
        self.seen.add("loaded", (program, found.path), image.call)
        self._link_facts(found.links, program, image.call)
        return program

    def _any_linker(self, program, image):
        """The program is gone, so it is not known any more which dynamic linker it had."""
        for linker in elf.LINKERS:
            found = self._resolve(image, b"/", linker)
            self.seen.add("loaded", (program, found.path), image.call, demanded=False)
            self._link_facts(found.links, program, image.call, demanded=False)

    def _allow(self, found, image):
        """A script's interpreter, started by the kernel for whoever executed the script."""
        if image.parent:
            by = self._program(image.parent)
            self.seen.derived["executed"].add((by, found.path))
            self._link_facts(found.links, by, image.call, demanded=False)
        self.seen.derived["executed"].add((found.path, found.path))
        self._link_facts(found.links, found.path, image.call, demanded=False)

    def _executed(self, step):
        call = step.call
        if step.image is None:
            self._first(step)
            return
        by = self._program(step.image)
        if by is None:
            return
        came = accesses.outcome(step, frozenset({accesses.EXEC}))
        if came is None:
            return
        path, base = self._executed_path(step)
        if path is None:
            return
        if not call.error and path in (b"/proc/self/exe", b"/proc/thread-self/exe"):
            self.seen.add("executed", (by, by), call)
            return
        use = PathUse(step, base, path, True, *came)
        if use.missing and self._resolve(step, base, path).exists:
            # Its interpreter is missing, for which the kernel returns the same error.
            use = PathUse(step, base, path, True, frozenset({CHECK}))
        self._used(use, by)

    @staticmethod
    def _executed_path(step):
        values = step.call.values
        if step.call.name == "execve":
            return values[0].bytes, step.cwd
        path = values[1].bytes
        if path:
            return path, directory_of(values[0], step.cwd)
        return values[0].path, b"/"

    def _first(self, step):
        """The program with which the run began: no watched program has started it."""
        text = step.call.values[0].bytes
        found = self._resolve(step, step.cwd, text)
        self.seen.derived["executed"].add((found.path, found.path))
        self._link_facts(found.links, found.path, step.call, demanded=False)

    # --- paths --------------------------------------------------------------------------------

    def _mapped(self, step, by):
        call = step.call
        if call.error or "PROT_EXEC" not in call.values[2].flags():
            return
        path = call.values[4].path
        if path is None or not path.startswith(b"/"):
            return
        path = without(path, self._canonical(step.binds))
        if self._outside(path) or path.startswith((b"/memfd:", b"/dev/zero", b"/SYSV")):
            return
        if path == by:
            return  # by `ld.so PROGRAM`: this is its exec
        self.seen.add("loaded", (by, path), call)

    def _outside(self, path):
        return left_out(path) or self.own.owns(path)

    def _link_facts(self, links, by, call, demanded=True):
        for link in links:
            if not self._outside(link):
                self.seen.add("links", (by, link), call, demanded)

    def _used(self, use, by):
        step = use.step
        found = self._resolve(step, use.base, use.path, use.follow)
        # After a chroot, the library still looks for its files outside.
        if self.own.owns(found.path) or self.own.owns(use.path):
            return
        demanded = step.call not in self.doubtful
        if step.binds:
            demanded &= self._allow_hidden(use, found, by)
        self._link_facts(found.links, by, step.call, demanded)
        if left_out(found.path):
            return
        if self._in_vain(use, found, by):
            return
        if use.missing:
            # A symlink that is there by now was made later.
            self.seen.add("missing", found.own_link or found.path, step.call, demanded)
            return
        if not found.exists:
            self.seen.gone.add(found.path)
        if found.path == by and step.image not in self.started:
            demanded = False  # `ld.so PROGRAM` reads what the kernel would have executed
        for access in self._named(use.accesses, found):
            self._add_access(access, by, found.path, step.call, demanded)

    def _allow_hidden(self, use, found, by):
        """What a mount hides may be listed beside it (doc/decisions/pivot-root.md). False: what is missing below
        a mount has either name."""
        hidden = self.resolver.resolve(use.base, use.path, use.follow, use.step.root)
        if hidden.path == found.path or left_out(hidden.path):
            return True
        if use.missing:
            self.seen.add("missing", hidden.path, use.step.call, demanded=False)
            return False
        for access in self._named(use.accesses, hidden):
            self._add_access(access, by, hidden.path, use.step.call, False)
        return True

    def _in_vain(self, use, found, by):
        """Is it a search or check by the dynamic linker, before our library's first call?"""
        image = use.step.image
        if image in self.started or image not in self.will_start:
            return False
        if use.missing:
            self.seen.add("search", ("missing", found.path), use.step.call)
            self.seen.add("missing", found.path, use.step.call, demanded=False)
            return True
        if use.accesses == {CHECK}:
            self.seen.add("search", ("check", by, found.path), use.step.call)
            self.seen.add("checked", (by, found.path), use.step.call, demanded=False)
            return True
        return False

    @staticmethod
    def _named(found_accesses, found):
        """A directory that was opened for reading is listed, however it was opened."""
        for access in found_accesses:
            if access == READ and stat.S_ISDIR(found.mode):
                yield LIST
            elif access == LIST and found.exists and not stat.S_ISDIR(found.mode):
                yield READ
            else:
                yield access

    def _add_access(self, access, by, path, call, demanded):
        if is_temporary_semaphore(path):
            demanded = False
        if access == CHECK:
            self.seen.add("checked", (by, path), call, demanded)
        elif access in (READ, LIST):
            self.seen.add("opened", (by, path, access), call, demanded)
        elif access == accesses.EXEC:
            self.seen.add("executed", (by, path), call, demanded)
        else:
            self.seen.add("written", (by, path, access), call, demanded)

    def _reached(self, use, by):
        address = use.address
        if isinstance(address, bytes):
            # bind makes the name, so it does not follow a link in the last component.
            follow = use.operation != "bind"
            found = self._resolve(use.step, use.step.cwd, address, follow)
            if self._outside(found.path):
                return
            address = "unix:" + os.fsdecode(found.path)
        self.seen.add("connected", (by, use.operation, address), use.step.call)


def judge(path, resolver, own, first_cwd):
    """The Seen of the trace in file `path`."""
    with open(path, encoding="ascii", errors="strict") as lines:
        try:
            return Judge(resolver, own, first_cwd).read(lines)
        except TraceError as error:
            raise TraceError(f"{path}: {error}") from None

"""Reads the output of `strace -f -yy -xx`: lines become calls with parsed arguments.

The flags make the text unambiguous: -xx prints every string and path in hexadecimal, so that no
byte of a name can look like punctuation; -yy says which file or socket a descriptor is; -f with
one output file keeps all processes in one order, which working directories and pids need. Calls
that were interrupted by other lines ("unfinished", "resumed") are put together again.

Reading is strict: a line or an argument that is not understood is an error, never skipped.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

STRING_LIMIT = 4096  # PATH_MAX: no name is longer

# Every call that names a file or an address, and those that change working directories and processes.
TRACED = (
    "%file,fork,vfork,clone,clone3,execve,execveat,fchdir,unshare,setns,mmap,"
    "connect,bind,sendto,sendmsg,sendmmsg,io_uring_setup"
)
FLAGS = (
    "-f", "-q", "-yy", "-xx", "-s", str(STRING_LIMIT), "--pidns-translation", "--seccomp-bpf",
    "-e", "trace=" + TRACED, "-e", "signal=none",
)


class TraceError(Exception):
    """A trace that is not in strace's format, or is impossible."""


class Text(NamedTuple):
    """A string argument."""

    bytes: bytes
    abstract: bool = False  # a socket name printed as @"..."
    cut: bool = False  # it was longer than STRING_LIMIT


class Word(NamedTuple):
    """Anything else without structure: a number, flags, an address, a descriptor."""

    text: str
    path: bytes | None = None  # what -y says of a descriptor: a path ...
    note: str | None = None  # ... or anything else, as printed
    deleted: bool = False

    def flags(self):
        return frozenset(self.text.split("|"))


class Group(NamedTuple):
    """name(values...), as in htons(80); name is "[" for a list."""

    name: str
    values: list


class Struct(dict):
    """{name=value, ...}; values without a name are under None, in order."""


NUMBER_OF_LINE = re.compile(r"(\d+) +")
UNFINISHED = " <unfinished ...>"
PID_CHANGED = re.compile(r" <pid changed to \d+ \.\.\.>$")  # execve in a thread
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
CALL_NAME = re.compile(r"(\w+)\(")
SUPERSEDED = re.compile(r"\+\+\+ superseded by execve in pid (\d+)")
RESULT = re.compile(
    r"\s*= (?P<value>-?\d+|0x[0-9a-f]+|\?)"
    r"(?:<(?P<note>(?:->|[^<>]|<[^<>]*>)*)>)?(?P<deleted>\(deleted\))?"
    r"(?: /\* (?P<outer>\d+) in strace's PID NS \*/)?"
    r"(?: (?P<error>E[A-Z0-9]+) \([^)]*\))?(?: \([^)]*\))?(?: \(flags [^)]*\))?$"
)
STRING = re.compile(r'(@?)"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
# Flags without a name have a comment: 0x8 /* MAP_??? */|MAP_ANONYMOUS
WORD = re.compile(r"[^,()\[\]{}<\"\s]+"
                  r"(?:(?: ?(?:&&|==|<<|>>|\*) ?| /\* \w+\?\?\? \*/\|)[^,()\[\]{}<\"\s]+)*")
NOTE = re.compile(r"<((?:->|[^<>]|<[^<>]*>)*)>(\(deleted\))?")
COMMENT = re.compile(r" ?/\*.*?\*/")
HEXES = re.compile(r"(?:\\x[0-9a-f]{2})+")


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


def word_of(text, note, deleted):
    if note is None:
        return Word(text)
    hexes = HEXES.match(note)
    if hexes:
        # Behind a device's path are its numbers: \x2f...<char 1:3>
        return Word(text, unhex(hexes.group(0)), note[hexes.end():] or None, bool(deleted))
    return Word(text, None, note, bool(deleted))


class Arguments:
    """Parses the arguments of one call. `values` are the positional ones, `named` those that strace
    prints with a name (clone's)."""

    def __init__(self, text, start):
        self.text = text
        self.at = start
        self.values = []
        self.named = {}
        self._list(")", self.values, self.named)

    def _fail(self, why):
        raise TraceError(f"column {self.at}: {why}: {self.text[self.at:self.at + 60]!r}")

    def _take(self, mark):
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def _list(self, end, values, named):
        if self._take(end):
            return
        while True:
            key = KEY.match(self.text, self.at)
            if key:
                self.at = key.end()
                named[key.group(1)] = self._value()
            else:
                values.append(self._value())
            if self._take(end):
                return
            if not self._take(", "):
                self._fail(f"neither a comma nor {end}")

    def _value(self):
        value = self._simple()
        comment = COMMENT.match(self.text, self.at)
        if comment:
            self.at = comment.end()
        # "what went in => what came out": a length, the result of clone3
        if self._take(" => "):
            self._value()
        return value

    def _simple(self):
        string = STRING.match(self.text, self.at)
        if string:
            self.at = string.end()
            return Text(unhex(string.group(2)), bool(string.group(1)), bool(string.group(3)))
        if self._take("{"):
            values, named = [], Struct()
            self._list("}", values, named)
            named[None] = values
            return named
        if self._take("["):
            values = []
            self._list("]", values, {})
            return Group("[", values)
        return self._word()

    def _word(self):
        word = WORD.match(self.text, self.at)
        if not word:
            self._fail("no value")
        self.at = word.end()
        if self._take("("):
            values = []
            self._list(")", values, {})
            return Group(word.group(0), values)
        note = NOTE.match(self.text, self.at)
        if not note:
            return Word(word.group(0))
        self.at = note.end()
        return word_of(word.group(0), note.group(1), note.group(2))


@dataclass(eq=False)
class Call:
    """One finished system call."""

    pid: int
    name: str
    text: str  # the whole line, joined, without the pid
    start: int  # number of the line on which it began
    end: int  # ... and ended

    @cached_property
    def _arguments(self):
        try:
            return Arguments(self.text, len(self.name) + 1)
        except TraceError as error:
            raise TraceError(f"line {self.end}: {error}") from None

    @property
    def values(self):
        return self._arguments.values

    @property
    def named(self):
        return self._arguments.named

    @cached_property
    def _result(self):
        if self.text.endswith("<unfinished ...>) = ?") or self.text.endswith(UNFINISHED):
            return None  # the process has ended within the call
        result = RESULT.match(self.text, self._arguments.at)
        if not result:
            raise TraceError(f"line {self.end}: no result: {self.text[self._arguments.at:]!r}")
        return result

    @property
    def finished(self):
        return self._result is not None and self._result["value"] != "?"

    @property
    def result(self):
        """The returned number; for a new process, its pid as strace sees it."""
        return int(self._result["outer"] or self._result["value"], 0)

    @property
    def error(self):
        """The errno's name. None: it succeeded."""
        return self._result["error"]

    @property
    def result_word(self):
        return word_of(self._result["value"], self._result["note"], self._result["deleted"])

    def line(self):
        """The call for people, with readable paths."""
        clear = HEXES.sub(lambda m: printable(unhex(m.group(0))), self.text)
        return f"{self.pid} {clear}"


def printable(name):
    return name.decode("utf-8", "backslashreplace").replace("\n", "\\n")


@dataclass
class Ended:
    """A process or thread has ended."""

    pid: int
    end: int


@dataclass
class Superseded:
    """Thread `by` has called execve, and continues with the pid of its process."""

    pid: int
    by: int
    end: int


class Reader:
    """Iterates over the events of a trace, in the order in which calls ended."""

    def __init__(self, lines):
        self.lines = lines
        self.unfinished = {}  # pid -> (text, number of the line)

    def __iter__(self):
        for number, line in enumerate(self.lines, 1):
            try:
                event = self._event(number, line.rstrip("\n"))
            except TraceError as error:
                raise TraceError(f"line {number}: {error}") from None
            if event:
                yield event

    def _event(self, number, line):
        head = NUMBER_OF_LINE.match(line)
        if not head:
            raise TraceError(f"no pid: {line[:80]!r}")
        pid, text = int(head.group(1)), line[head.end():]
        if text.startswith("+++ "):
            return self._ended(pid, text, number)
        if text.startswith("--- "):
            return None
        start = number
        text = PID_CHANGED.sub(UNFINISHED, text)
        resumed = RESUMED.match(text)
        if resumed:
            before, start = self.unfinished.pop(pid, (None, 0))
            if before is None or not before.startswith(resumed.group(1) + "("):
                raise TraceError(f"{resumed.group(1)} resumed that had not begun")
            text = before + text[resumed.end():]
        elif pid in self.unfinished:
            raise TraceError(f"a call inside another of process {pid}: {text[:80]!r}")
        if text.endswith(UNFINISHED):
            self.unfinished[pid] = (text[:-len(UNFINISHED)], start)
            return None
        return self._call(pid, text, start, number)

    def _ended(self, pid, text, number):
        superseded = SUPERSEDED.match(text)
        if superseded:
            by = int(superseded.group(1))
            # The call of the thread ends under the pid of its process.
            self.unfinished.pop(pid, None)
            if by in self.unfinished:
                self.unfinished[pid] = self.unfinished.pop(by)
            return Superseded(pid, by, number)
        self.unfinished.pop(pid, None)
        return Ended(pid, number)

    @staticmethod
    def _call(pid, text, start, end):
        name = CALL_NAME.match(text)
        if not name:
            raise TraceError(f"neither a call nor an end: {text[:80]!r}")
        return Call(pid, name.group(1), text, start, end)

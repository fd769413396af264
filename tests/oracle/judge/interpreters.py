"""The regression tests of perl and Tcl: files, each a program that says what came of its tests."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .sources import unpacked

LANES = 4  # most of them wait for something most of the time
LIMIT = 120  # seconds, of one file

# Of perl's core and its modules, what deals with files, processes and sockets.
PERL_CORE = (
    ("base", "io"),
    ("op/alarm.t", "op/chdir.t", "op/die_exit.t", "op/exec.t", "op/filetest.t", "op/filetest_t.t",
     "op/fork.t", "op/getpid.t", "op/getppid.t", "op/glob.t", "op/kill0.t", "op/lfs.t",
     "op/magic.t", "op/mkdir.t", "op/readline.t", "op/require_errors.t", "op/sselect.t",
     "op/stat.t", "op/sysio.t"),
)
PERL_MODULES = (
    "ext/POSIX", "ext/IPC-Open3", "ext/File-Find", "ext/File-Glob", "ext/Fcntl", "ext/SDBM_File",
    "dist/IO", "dist/PathTools", "dist/threads", "dist/Storable", "cpan/Socket", "cpan/IPC-Cmd",
    "cpan/IPC-SysV", "cpan/File-Temp", "cpan/File-Path", "cpan/autodie", "cpan/Archive-Tar",
    "cpan/IO-Socket-IP", "cpan/libnet",
)
PERL_INCLUDES = ("/usr/share/perl/5.*.*", "/usr/lib/x86_64-linux-gnu/perl/5.*.*",
                 "/usr/lib/x86_64-linux-gnu/perl-base")
PERL = "/usr/bin/perl"

# Not env.test: it compares the whole environment of a child, where our variables stand as well.
TCL_FILES = ("chan", "chanio", "cmdAH", "encoding", "event", "exec", "fCmd", "fileName",
             "fileSystem", "http", "io", "ioCmd", "iogt", "load", "pid", "socket", "source",
             "unixFCmd", "unixFile", "unixInit", "unixNotfy")
TCLSH = "/usr/bin/tclsh8.6"


class FileSuite:
    """Tests in files. run_file(file, watched) is one of them; lanes() are the files that may not
    run at the same time, each a list."""

    def __init__(self, suite):
        self.suite = suite

    def run(self, watched):
        """{file: {test: outcome}}"""
        def run_lane(files):
            return {file: self.run_file(file, watched) for file in files}
        results = {}
        with ThreadPoolExecutor(LANES) as pool:
            for lane in pool.map(run_lane, self.lanes()):
                results.update(lane)
        return results

    def outcome(self, command, folder, watched):
        """(exit status, output) of a test program."""
        try:
            done = self.suite.run(command, watched, folder=folder, limit=LIMIT)
        except subprocess.TimeoutExpired:
            return "took too long", ""
        return f"exit {done.returncode}", done.stdout.decode("utf-8", "replace")


class Perl(FileSuite):
    """Run by the installed perl, with its own libraries."""

    def __init__(self, suite, folder):
        super().__init__(suite)
        self.source = unpacked("perl", folder)
        if not (self.source / "t/perl").exists():
            self._make_library()

    def _make_library(self):
        """The core's tests look for modules in ../lib, and for themselves as ./perl."""
        for pattern in PERL_INCLUDES:
            for path in sorted(Path("/").glob(pattern.lstrip("/"))):
                subprocess.run(["cp", "-rsn", f"{path}/.", str(self.source / "lib")], check=True)
        (self.source / "perl").symlink_to(PERL)
        (self.source / "t/perl").symlink_to(PERL)

    def lanes(self):
        core = self.source / "t"
        for names in PERL_CORE:
            yield sorted(file for name in names for file in
                         ([core / name] if name.endswith(".t") else (core / name).glob("*.t")))
        for module in PERL_MODULES:
            yield sorted((self.source / module / "t").rglob("*.t"))

    def run_file(self, file, watched):
        core = self.source / "t"
        module = next((self.source / name for name in PERL_MODULES
                       if file.is_relative_to(self.source / name)), core)
        with open(file, encoding="utf-8", errors="replace") as text:
            taint = re.match(r"#!.*perl.*\s(-\w*T\w*)", text.readline())
        command = ["./perl" if module == core else PERL, *(taint.groups() if taint else ()),
                   str(file.relative_to(module))]
        end, output = self.outcome(command, module, watched)
        found = re.findall(r"^(ok|not ok)\b *(\d*)", output, re.M)
        return {"end": end, **{f"{number or index}": result
                               for index, (result, number) in enumerate(found, 1)}}


class Tcl(FileSuite):
    def __init__(self, suite, folder):
        super().__init__(suite)
        self.folder = unpacked("tcl8.6", folder) / "tests"

    def lanes(self):
        return [[self.folder / f"{name}.test"] for name in TCL_FILES]

    def run_file(self, file, watched):
        scratch = self.suite.folder / f"tcl-{file.stem}"
        scratch.mkdir(exist_ok=True)
        command = [TCLSH, str(file), "-verbose", "pass skip error", "-tmpdir", str(scratch)]
        end, output = self.outcome(command, self.folder, watched)
        found = re.findall(r"^(?:\+\+\+\+|====) (\S+) .*?(PASSED|FAILED|SKIPPED)", output, re.M)
        return {"end": end, **dict(found)}


INTERPRETERS = {"perl": Perl, "tcl": Tcl}

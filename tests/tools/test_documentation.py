#!/usr/bin/env python3
"""Help, manual pages and completions have the same options; pages are well-formed, completion works."""
import contextlib
import glob
import os
import pty
import re
import select
import shutil
import signal
import tempfile
import time
import unittest

import manifests
from manifests import TOP, footprint, run

COMMANDS = ["run", "show", "diff", "merge", "why"]
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def help_options(command):
    """All options that --help lists: lines that begin with one, up to the explanation."""
    text = footprint(command, "--help").stdout.decode()
    options = set()
    for line in re.findall(r"^ +(-.*?)(?:  |$)", text, re.M):
        options |= set(OPTION.findall(line))
    return options


def page_options(command):
    """All options with an entry of their own in the manual page."""
    page = read("man", f"footprint-{command}.1").replace("\\-", "-")
    entries = re.findall(r"^\.TP\n(.*)$", page, re.M)
    return {option for entry in entries for option in OPTION.findall(re.sub(r"\\f.", " ", entry))}


class Documentation(unittest.TestCase):
    def test_help_and_manual_have_the_same_options(self):
        for command in COMMANDS:
            self.assertTrue({"-h", "--help"} <= help_options(command), command)
            self.assertEqual(help_options(command), page_options(command), command)

    def test_completions_have_every_long_option(self):
        bash, zsh = read("completions", "footprint.bash"), read("completions", "_footprint")
        for command in COMMANDS:
            wanted = {option for option in help_options(command) if option.startswith("--")}
            line = re.search(rf"^ +{command}\) echo \"(.*)\" ;;$", bash, re.M)
            self.assertEqual(set(line.group(1).split()), wanted, command)
            section = re.search(rf"^    {command}\)\n(.*?)^ +;;$", zsh, re.M | re.S)
            self.assertEqual(set(re.findall(r"(?<=[,'])(--[a-z-]+)(?=['}\[])", section.group(1))),
                             wanted, command)

    def test_every_command_is_in_the_main_page(self):
        page = read("man", "footprint.1").replace("\\-", "-")
        listed = re.findall(r"^  (\w+)  ", footprint("--help").stdout.decode(), re.M)
        self.assertEqual(listed, COMMANDS + ["help"])
        self.assertRegex(page, r"\n\.BR help ")
        for command in COMMANDS:
            self.assertIn(f"footprint-{command} (1)", page)
            self.assertTrue(os.path.exists(os.path.join(TOP, "man", f"footprint-{command}.1")))

    def test_every_key_of_the_json_is_documented(self):
        page = read("man", "footprint-show.1")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.footprint")
            manifests.write(path, manifests.shop())
            text = footprint("show", "--json", path).stdout.decode()
        words = set(re.findall(r"\w+", page))
        for key in set(re.findall(r'"(\w+)":', text)):
            self.assertIn(key, words)

    def test_documents_name_files_and_functions_that_exist(self):
        sources = [path for folder in ("aggregator", "bench", "fuzz", "lib", "preload", "proto", "supervise", "tests",
                                       "tools")
                   for path in glob.glob(os.path.join(TOP, folder, "**", "*.*"), recursive=True)
                   if path.endswith((".c", ".cc", ".h", ".S", ".def", ".proto", ".py", ".sh"))]
        files = {os.path.basename(path) for path in sources}
        words = {word for path in sources for word in re.findall(r"\w+", read(path))}
        pages = glob.glob(os.path.join(TOP, "doc", "**", "*.md"), recursive=True)
        for page in pages + [os.path.join(TOP, "proto", "WIRE.md"), os.path.join(TOP, "CONTRIBUTING.md")]:
            named = re.findall(r"`(?:[\w/]+/)?(\w+\.(?:c|h|S|def|proto|py|sh))`", read(page))
            called = re.findall(r"`([a-z]\w*_\w+)(?:\(\))?`", read(page))
            unknown = [name for name in named if name not in files] + [name for name in called if name not in words]
            self.assertEqual(unknown, [], page)

    def test_every_kind_of_gap_is_documented(self):
        proto = read("proto", "manifest.proto")
        kinds = re.search(r"^// Kinds: (.*?)\.$", proto, re.M | re.S).group(1)
        page = read("man", "footprint-manifest.5").replace("\\-", "-")
        for kind in re.findall(r"[a-z-]+", kinds.replace("//", "")):
            self.assertIn(kind, page)

    def test_pages_are_clean(self):
        if not shutil.which("mandoc"):
            self.skipTest("no mandoc")
        for page in sorted(glob.glob(os.path.join(TOP, "man", "*.[1-8]"))):
            self.assertEqual(run("mandoc", "-T", "lint", "-W", "warning", page).stdout, b"", page)

    def complete(self, *words, directory=None, before=""):
        """The completions that bash offers for the last word."""
        script = before + """
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            compopt() { :; }
            _footprint
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        done = manifests.subprocess.run(
            ["bash", "-c", script, "bash", os.path.join(TOP, "completions", "footprint.bash"),
             manifests.FOOTPRINT, *words], capture_output=True, check=False, cwd=directory)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().split()

    def test_bash_completes(self):
        self.assertEqual(self.complete("sh"), ["show"])
        self.assertEqual(self.complete("he"), ["help"])
        self.assertEqual(self.complete("help", "sh"), ["show"])
        self.assertEqual(self.complete("help", "he"), ["help"])
        self.assertEqual(self.complete("show", "--jso"), ["--json"])
        self.assertEqual(self.complete("merge", "--f"), ["--force"])
        with tempfile.TemporaryDirectory() as folder:
            evil = b"/etc/$(touch made-by-completion)"
            manifests.write(os.path.join(folder, "a.footprint"), manifests.shop(files=[
                {"path": evil, "type": ("TYPE_FILE",)},
                {"path": b"/etc/nginx.conf", "type": ("TYPE_FILE",)}]))
            with open(os.path.join(folder, "other.txt"), "wb"):
                pass
            self.assertEqual(self.complete("show", "", directory=folder), ["a.footprint"])
            self.assertEqual(self.complete("why", "a.footprint", "/etc/", directory=folder),
                             ["/etc/ld.so.preload", "/etc/nginx.conf"])
            self.assertEqual(sorted(os.listdir(folder)), ["a.footprint", "other.txt"])

    def test_bash_completes_a_program_and_what_is_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.footprint", "other.txt"):
                with open(os.path.join(folder, name), "wb"):
                    pass
            for words, offered in [
                    (["--app-v"], ["--app-version"]), (["--output", ""], ["a.footprint"]),
                    (["--output", "="], ["a.footprint"]), (["--output", "=", "a"], ["a.footprint"]),
                    (["--app", ""], []), (["mkfif"], ["mkfifo"]), (["--", "mkfif"], ["mkfifo"]),
                    (["-o", "x", "mkfif"], ["mkfifo"]), (["-ox", "mkfif"], ["mkfifo"]),
                    (["--app", "=", "x", "--o", "y", "mkfif"], ["mkfifo"]),
                    (["--", "git", "-"], []), (["git", "--"], []), (["ls", "--ap"], []),
                    (["ls", "--app", ""], ["a.footprint", "other.txt"]),
                    (["--", "gcc", "-o", ""], ["a.footprint", "other.txt"]),
                    (["gcc", "-o", "o"], ["other.txt"])]:
                self.assertEqual(sorted(set(self.complete("run", *words, directory=folder))), offered, words)
            # If bash can, it completes the program's arguments as if the program stood there alone.
            knows = "_command_offset() { COMPREPLY=(from:$1); }"
            for words, place in [(["git", "-"], 2), (["--", "ls", "--ap"], 3), (["ls", "--", "-"], 2),
                                 (["--app", "x", "--", "gcc", "-o", ""], 5),
                                 (["--app", "=", "x", "--app-version", "1", "gcc", "-"], 7)]:
                self.assertEqual(self.complete("run", *words, before=knows), [f"from:{place}"], words)

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh_completes(self):
        with tempfile.TemporaryDirectory() as folder:
            manifests.write(os.path.join(folder, "a.footprint"), manifests.shop())
            zsh = Zsh(folder)
            self.addCleanup(zsh.end)
            for typed, becomes in [
                    ("sh", "show "), ("show --jso", "show --json "), ("show ", "show a.footprint "),
                    ("merge -o x --f", "merge -o x --force "), ("run --app-v", "run --app-version "),
                    ("help me", "help merge "), ("diff a.footprint ", "diff a.footprint a.footprint "),
                    ("run -o ", "run -o a.footprint "), ("run mkfif", "run mkfifo "),
                    ("run --app x -- mkfif", "run --app x -- mkfifo "),
                    ("run -- kill -TER", "run -- kill -TERM "),
                    ("why a.footprint /etc/ngi", "why a.footprint /etc/nginx.conf "),
                    ("why a.footprint /usr/lib/libs", "why a.footprint /usr/lib/libssl.so.3 ")]:
                self.assertEqual(zsh.complete("footprint " + typed).rstrip(),
                                 ("footprint " + becomes).rstrip())


class Zsh:
    """A zsh at a terminal, which shows what a line becomes when Tab is pressed."""

    SETTINGS = """
        fpath=($COMPLETIONS $fpath)
        path=($BUILD $path)
        autoload -U compinit && compinit -u -D
        setopt no_beep
        report() { print -r -- $BUFFER >>$ANSWERS; BUFFER= }
        zle -N report
        bindkey '^X' report
    """

    def __init__(self, folder):
        self.home = tempfile.mkdtemp()
        self.answers = os.path.join(self.home, "answers")
        self.seen = 0
        with open(os.path.join(self.home, ".zshrc"), "w", encoding="utf-8") as file:
            file.write(self.SETTINGS)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(ZDOTDIR=self.home, ANSWERS=self.answers, TERM="dumb", BUILD=manifests.BUILD,
                              COMPLETIONS=os.path.join(TOP, "completions"))
            os.execvp("zsh", ["zsh", "-d", "-i"])

    def complete(self, line):
        os.write(self.terminal, line.encode() + b"\t\x18")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.02)[0]:
                os.read(self.terminal, 65536)  # its output, which has to be read, or it would wait
            with contextlib.suppress(FileNotFoundError), open(self.answers, encoding="utf-8") as file:
                answers = file.read().split("\n")[:-1]
                if len(answers) > self.seen:
                    self.seen = len(answers)
                    return answers[-1]
        raise AssertionError(f"zsh does not answer: {line}")

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)
        shutil.rmtree(self.home)


if __name__ == "__main__":
    manifests.main()

#!/usr/bin/env python3
"""What all commands have in common: exit statuses, messages, help, colours, safe output."""
import json
import os
import pty
import re
import shutil
import socket
import stat
import tempfile
import unittest

import manifests
from manifests import footprint, shop

COMMANDS = ["run", "show", "diff", "merge", "why"]


def on_terminal(*arguments, **environment):
    """What a command writes to a terminal."""
    out, terminal = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **environment}
    child = manifests.subprocess.Popen([manifests.FOOTPRINT, *arguments], stdout=terminal, env=env)
    os.close(terminal)
    written = b""
    while True:
        try:
            piece = os.read(out, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        written += piece
    os.close(out)
    child.wait()
    return written


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.file("a.footprint")
        manifests.write(self.path, shop())

    def file(self, name):
        return os.path.join(self.folder, name)

    def assert_trouble(self, done, message):
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, b"")
        self.assertRegex(done.stderr.decode(), message)
        self.assertTrue(done.stderr.startswith(b"footprint"))
        self.assertEqual(done.stderr.count(b"\n"), 1, "one message")

    def test_help_and_version_are_everywhere(self):
        for arguments in [["--help"], ["-h"], ["help"], ["help", "help"], ["help", "--help"]]:
            done = footprint(*arguments)
            self.assertEqual(done.returncode, 0)
            for command in COMMANDS:
                self.assertIn(f"  {command} ".encode(), done.stdout)
        self.assertRegex(footprint("--version").stdout, rb"^footprint \d+\.\d+\.\d+\n$")
        for command in COMMANDS:
            done = footprint(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.startswith(f"Usage: footprint {command} ".encode()))
            self.assertEqual(footprint("help", command).stdout, done.stdout)
            self.assertTrue(all(len(line) <= 88 for line in done.stdout.decode().split("\n")))

    def test_unknown_words_get_a_hint(self):
        self.assert_trouble(footprint("shwo"), "shwo: no such command; did you mean 'show'")
        self.assert_trouble(footprint("xyz"), "xyz: no such command; see 'footprint --help'")
        self.assert_trouble(footprint("--bogus"), "--bogus: no such option")
        for command in COMMANDS:
            self.assert_trouble(footprint(command, "--bogus"),
                                f"--bogus: no such option; see 'footprint {command} --help'")
            self.assert_trouble(footprint(command, "-%"), "-%: no such option")
            self.assert_trouble(footprint(command, "-%h"), "-%: no such option")
        self.assert_trouble(footprint("show", "--json", "-%j", "x"), "-%: no such option")
        self.assert_trouble(footprint("merge", "--output"), "--output: needs an argument")
        self.assertEqual(footprint().returncode, 2)

    def test_an_option_that_takes_no_argument_says_so(self):
        for arguments, word in ((["show", "--json=1", self.path], "--json=1"),
                                (["merge", "--force=", "-o", "x", self.path], "--force=")):
            done = footprint(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.decode()), (2, b"", (
                f"footprint {arguments[0]}: {word}: takes no argument; "
                f"see 'footprint {arguments[0]} --help'\n")))

    def test_wrong_numbers_of_arguments_are_trouble(self):
        for arguments in [["show"], ["show", "a", "b"], ["diff", "a"], ["diff", "a", "b", "c"],
                          ["merge", "-o", "x"], ["merge", "a"], ["why", "a"]]:
            self.assert_trouble(footprint(*arguments), "see 'footprint")

    def test_bad_files_are_named(self):
        bad = self.file("bad.footprint")
        with open(self.path, "rb") as file:
            good = file.read()
        for content, why in [(b"", "no zstd frame"), (b"plain text", "no zstd frame"),
                             (good[:-3], "cut off")]:
            with open(bad, "wb") as file:
                file.write(content)
            for arguments in [["show", bad], ["diff", self.path, bad], ["why", bad, "/x"],
                              ["merge", "-o", self.file("out"), self.path, bad]]:
                self.assert_trouble(footprint(*arguments), f"{re.escape(bad)}: .*{why}")
        self.assertFalse(os.path.exists(self.file("out")))
        self.assert_trouble(footprint("show", self.folder), "Is a directory")
        self.assert_trouble(footprint("show", self.file("none")), "No such file or directory")
        self.assert_trouble(footprint("show", "/dev/zero"), "neither a regular file nor a pipe")

    def test_show_says_the_main_things(self):
        text = footprint("show", self.path).stdout.decode()
        self.assertTrue(text.startswith("shop 1.3: complete\n"))
        for line in [r"runs +1 with 3 process images and forks, 2023-11-14 22:13:20Z to 2023-11-14 22:15:00Z",
                     r"programs +2", r"libraries +2", r"files +3, 8100 B, from 1 package",
                     r"/usr/sbin/nginx  2 images, started by dash",
                     r"/usr/lib/libssl.so.3 +needed by nginx", r"libssl3 3.0.11 +1 file +5000 B",
                     r"bind +0.0.0.0:80 +nginx"]:
            self.assertRegex(text, line)
        self.assertNotIn("/etc/ld.so.preload", text)
        self.assertIn("/etc/ld.so.preload", footprint("show", "--all", self.path).stdout.decode())
        self.assertNotIn("Programs", footprint("show", "-e", self.path).stdout.decode())

    def test_each_program_is_said_to_load_a_library_as_it_does(self):
        library = {"path": b"/usr/lib/libz.so.1", "soname": "libz.so.1", "loaders": [
            {"by": 0, "loaded": ("LOADED_DLOPEN",)}, {"by": 1, "requester": b"/usr/lib/libssl.so.3"},
            {"by": 1, "loaded": ("LOADED_DLOPEN",)}]}
        manifests.write(self.path, shop(libraries=[library]))
        line = footprint("show", "-l", self.path).stdout.decode().splitlines()[-1]
        self.assertRegex(line, r"^  /usr/lib/libz.so.1 +needed by nginx; dlopen by dash$")
        other = self.file("other.footprint")
        manifests.write(other, shop(libraries=[]))
        self.assertIn(b"- /usr/lib/libz.so.1  needed by nginx; dlopen by dash\n",
                      footprint("diff", self.path, other).stdout)
        library["loaders"][0]["loaded"] = ("LOADED_UNOBSERVED",)
        manifests.write(self.path, shop(libraries=[library]))
        self.assertIn(b" needed by nginx; not observed, needed by dash\n",
                      footprint("show", "-l", self.path).stdout)

    def test_programs_say_whether_they_were_watched(self):
        program = {"interpreter": b"/lib64/ld-linux-x86-64.so.2", "first": True}
        manifests.write(self.path, shop(files=[], libraries=[], endpoints=[], missing=[], executables=[
            {"path": b"/bin/a", "runs": 1, "watched": ("WATCHED_PRELOAD",), **program},
            {"path": b"/bin/b", "runs": 1, **program}, {"path": b"/bin/c", **program},
            {"path": b"/bin/d", "watched": ("WATCHED_SUPERVISED",), **program}]))
        text = footprint("show", "-p", self.path).stdout.decode()
        self.assertEqual(re.findall("  /bin/(.*), first program of a run", text), [
            "a  1 image", "b  1 image, not watched", "c  not watched",
            "d  watched under another application"])

    def of_no_package(self, files):
        """What show prints about files, which are (path, users), of no package."""
        manifests.write(self.path, shop(libraries=[], files=[
            {"path": path, "type": ("TYPE_DIRECTORY" if path.endswith(b"/dir") else "TYPE_FILE",),
             "uses": [{"by": by, "access": 512 if by else 1} for by in users], "present": True, "mode": 0o644,
             **({} if path.endswith(b"/dir") else {"size": 100, "sha256": b"\1" * 32})}
            for path, users in sorted(files)]))
        text = footprint("show", "-k", self.path).stdout.decode()
        return re.findall(r"^    (.*)", text.split("of no package")[1].split("\n", 1)[1], re.M)

    def test_few_files_of_no_package_are_all_shown(self):
        files = [(b"/data/%02d" % number, [0]) for number in range(24)]
        lines = self.of_no_package(files)
        self.assertEqual([line.split()[0] for line in lines], [path.decode() for path, _ in files])

    def test_many_files_of_no_package_are_shown_by_folder(self):
        own = [b"/app/conf", b"/app/main.py", b"/etc/hosts", b"/start.sh"]
        lines = self.of_no_package(
            [(path, [0]) for path in own] + [(b"/app", [0]), (b"/app/lib/dir", [1])] +
            [(b"/app/lib/dir/%03d" % number, [number % 2]) for number in range(300)] +
            [(b"/app/lib/dir.old/%02d" % number, [1]) for number in range(40)])
        self.assertEqual([re.sub(" +", " ", line) for line in lines], [
            "/app read, 100 B, by dash",
            "/app/conf read, 100 B, by dash",
            "/app/lib/dir.old/ 40 files, check, 4000 B, by nginx",
            "/app/lib/dir/ 300 files, read check, 29.3 KiB, by dash, nginx",
            "/app/main.py read, 100 B, by dash",
            "/etc/hosts read, 100 B, by dash",
            "/start.sh read, 100 B, by dash",
            "each of them: see --files"])
        # Where nothing stands out, there is the number.
        lines = self.of_no_package([(b"/%03d" % number, [0]) for number in range(200)])
        self.assertEqual([re.sub(" +", " ", line) for line in lines],
                         ["/ 200 files, read, 19.5 KiB, by dash", "each of them: see --files"])
        # There is room for one of two folders: for the one that takes fewer lines.
        lines = self.of_no_package([(b"/a/%02d" % number, [0]) for number in range(20)] +
                                   [(b"/b/%02d" % number, [0]) for number in range(6)])
        self.assertEqual([line.split()[0] for line in lines],
                         ["/a/"] + [f"/b/{number:02}" for number in range(6)] + ["each"])

    def test_without_a_run_nothing_is_complete(self):
        manifests.write(self.path, {"schema": 1, "application": "shop", "version": "1"})
        text = footprint("show", self.path).stdout.decode()
        self.assertTrue(text.startswith("shop 1: no runs\n  runs       none\n"), text)
        self.assertFalse(json.loads(footprint("show", "--json", self.path).stdout)["complete"])
        manifests.write(self.path, shop(runs=[], gaps=[{"kind": "sites", "count": 1}]))
        text = footprint("show", self.path).stdout.decode()
        self.assertTrue(text.startswith("shop 1.3: not complete, 1 gap\n  runs       none\n"), text)

    def test_gaps_are_said_first(self):
        manifests.write(self.path, shop(gaps=[{"kind": "static-program", "path": b"/bin/x",
                                               "detail": "no interpreter", "count": 2}]))
        text = footprint("show", self.path).stdout.decode()
        self.assertTrue(text.startswith("shop 1.3: not complete, 1 gap\n"))
        self.assertIn("static-program /bin/x (2 times): no interpreter", text)

    def test_colours_are_for_terminals(self):
        self.assertIn(b"\033[", on_terminal("show", self.path))
        self.assertNotIn(b"\033[", on_terminal("show", self.path, NO_COLOR="1"))
        self.assertNotIn(b"\033[", on_terminal("show", self.path, TERM="dumb"))
        self.assertNotIn(b"\033[", footprint("show", self.path).stdout)

    def test_names_cannot_command_the_terminal(self):
        evil = b"/tmp/\033[2J\xc2\x9b2J\x07\xff\n"
        manifests.write(self.path, shop(files=[{"path": evil, "uses": [{"by": 1, "access": 1}]}]))
        for arguments in [["show", "-f", self.path], ["why", self.path, evil]]:
            text = footprint(*arguments).stdout
            self.assertIn(b"/tmp/\\x1b[2J\\xc2\\x9b2J\\x07\\xff\\x0a", text)
            self.assertNotIn(b"\033", text)
        for arguments in [["show", "--json", self.path], ["why", "--json", self.path, evil]]:
            text = footprint(*arguments).stdout
            self.assertIn(rb"/tmp/\u001b[2J\u009b2J\u0007\\xff\u000a", text)
            self.assertNotRegex(text, b"[\0-\x09\x0b-\x1f\x7f-\xff]")

    @unittest.skipUnless(shutil.which("perl"), "needs perl")
    def test_names_hide_nothing(self):
        """Invisible characters are escaped, and no others; Perl knows Unicode's properties."""
        script = r"""
            for (1 .. 0x1ffff, 0xe0000 .. 0xe1fff) {
                next if $_ >= 0xd800 && $_ <= 0xdfff;
                print "$_\n" if chr =~ /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/
                    or /^(65529|65530|65531)$/;  # interlinear annotation
            }
        """
        unseen = {int(code) for code in manifests.run("perl", "-e", script).stdout.split()}
        unseen.add(0x180f)  # since Unicode 14
        self.assertTrue({0xad, 0x200b, 0x202e, 0x2069, 0xfeff, 0xe0041} < unseen)
        names = []
        for start in [*range(0, 0x20000, 256), *range(0xe0000, 0xe2000, 256)]:
            codes = [code for code in range(start, start + 256)
                     if code and chr(code) != "/" and not 0xd800 <= code <= 0xdfff]
            head = f"/{start:06x}-"
            names.append((head + "".join(map(chr, codes)), head + "".join(
                "".join("\\x%02x" % byte for byte in chr(code).encode()) if code in unseen
                else chr(code) for code in codes)))
        manifests.write(self.path, shop(files=[
            {"path": path.encode(), "uses": [{"by": 1, "access": 1}]} for path, _ in names]))
        lines = footprint("show", "-f", self.path).stdout.decode().split("\n    /")[1:]
        self.assertEqual(len(lines), len(names))
        for line, (_, printed) in zip(lines, names):
            self.assertEqual("/" + line[:len(printed)], printed + " ")
        told = footprint("show", "--json", self.path).stdout.decode()
        self.assertEqual({code for code in map(ord, told) if code in unseen}, {ord("\n")})
        self.assertEqual([file["path"].replace("\\\\", "\\") for file in json.loads(told)["files"]],
                         [path for path, _ in names])

    def test_what_is_printed_is_of_one_name(self):
        printed = {b"/bs\x01": rb"/bs\x01", rb"/bs\x01": rb"/bs\x5cx01", b"/bs\\\x01": rb"/bs\\x01",
                   rb"/bs\\x01": rb"/bs\\x5cx01", rb"/bs\x5cx01": rb"/bs\x5cx5cx01",
                   rb"/bs\xAf": rb"/bs\x5cxAf", rb"/bs\x": rb"/bs\x", rb"/bs\x0": rb"/bs\x0",
                   rb"/bs\xg0": rb"/bs\xg0", rb"/bs\X00": rb"/bs\X00"}
        uses = [{"by": 1, "access": 1}]
        manifests.write(self.path, shop(files=[{"path": path, "uses": uses} for path in sorted(printed)]))
        shown = re.findall(rb"^    (/bs\S+)", footprint("show", "-f", self.path).stdout, re.M)
        self.assertEqual(shown, [printed[path] for path in sorted(printed)])
        for path, text in printed.items():
            answer = footprint("why", self.path, path).stdout
            self.assertTrue(answer.startswith(text + b"\n"), answer)
            alone = self.file("alone.footprint")
            manifests.write(alone, shop(files=[{"path": path, "uses": uses}]))
            self.assertEqual(footprint("why", alone, text).stdout, answer)

    def test_texts_are_printed_as_names_are(self):
        addresses = {"unix:/a\u200b": rb"unix:/a\xe2\x80\x8b",
                     r"unix:/a\xe2\x80\x8b": rb"unix:/a\x5cxe2\x5cx80\x5cx8b"}
        for address, text in addresses.items():
            manifests.write(self.path, shop(endpoints=[
                {"operation": ("OPERATION_BIND",), "address": address, "by": [1]}]))
            self.assertIn(text + b" ", footprint("show", "-e", self.path).stdout)
            self.assertEqual(footprint("why", self.path, text).returncode, 0)
        libraries = shop()["libraries"]
        libraries[0]["soname"] = "lib\033[2J.so"
        other = self.file("other.footprint")
        manifests.write(other, shop(libraries=libraries))
        self.assertIn(rb"soname libssl.so.3 -> lib\x1b[2J.so", footprint("diff", self.path, other).stdout)

    def test_what_is_printed_can_be_asked_for(self):
        path, address = b"/tmp/\xff\n\xc2\x9b\\x", "unix:/a\nb"
        manifests.write(self.path, shop(
            files=[{"path": path, "uses": [{"by": 1, "access": 1}]}],
            endpoints=[{"operation": ("OPERATION_BIND",), "address": address, "by": [1]}]))
        text = footprint("show", "-fe", self.path).stdout
        shown = re.search(rb"^    (/tmp/\S+)", text, re.M).group(1)
        answer = footprint("why", self.path, path).stdout
        self.assertIn(b"/tmp/\\xff\\x0a\\xc2\\x9b\\x\n", answer)
        self.assertEqual(footprint("why", self.path, shown).stdout, answer)
        told = json.loads(footprint("show", "--json", self.path).stdout)["files"][0]["path"]
        self.assertEqual(footprint("why", self.path, told).stdout, answer)
        shown = re.search(rb"bind +(\S+)", text).group(1)
        self.assertEqual(footprint("why", self.path, shown).stdout,
                         footprint("why", self.path, address).stdout)

    def test_errors_cannot_command_the_terminal(self):
        evil = "no\033[2J\nsuch"
        for arguments in [["show", evil], [evil], ["show", "--" + evil], ["why", self.path, evil],
                          ["merge", "-o", evil + "/x", self.path]]:
            done = footprint(*arguments)
            self.assertIn(b"no\\x1b[2J\\x0asuch", done.stderr)
            self.assertNotIn(b"\033", done.stderr)

    def test_only_files_are_replaced(self):
        pipe, link = self.file("pipe"), self.file("link")
        os.mkfifo(pipe)
        reader = manifests.subprocess.Popen(["cat", pipe], stdout=manifests.subprocess.PIPE)
        self.assertEqual(footprint("merge", "-o", pipe, self.path).returncode, 0)
        self.assertEqual(footprint("show", "/dev/stdin", data=reader.communicate()[0]).stdout,
                         footprint("show", self.path).stdout)
        self.assertTrue(stat.S_ISFIFO(os.lstat(pipe).st_mode))
        self.assertEqual(footprint("merge", "-o", "/dev/stdout", self.path).stdout,
                         self.merged(self.path))
        with open(self.file("target"), "wb"):
            os.symlink("target", link)
        self.assertEqual(footprint("merge", "-o", link, self.path).returncode, 0)
        self.assertEqual(os.readlink(link), "target")
        with open(link, "rb") as file:
            self.assertEqual(file.read(), self.merged(self.path))
        self.assert_trouble(footprint("merge", "-o", self.folder, self.path), "Is a directory")

    def test_a_dash_is_standard_input_or_output(self):
        with open(self.path, "rb") as file:
            piped = file.read()
        for arguments in [["show", "{}"], ["diff", "{}", self.path], ["diff", self.path, "{}"],
                          ["why", "{}", "libz.so.1"], ["merge", "-o", "-", "{}"], ["merge", "-o", "-", self.path, "{}"]]:
            by_name, by_dash = ([word.format(name) for word in arguments] for name in (self.path, "-"))
            expected = footprint(*by_name)
            self.assertEqual(footprint(*by_dash, data=piped).stdout, expected.stdout)
            with open(self.path, "rb") as file:
                self.assertEqual(manifests.subprocess.run([manifests.FOOTPRINT, *by_dash], stdin=file, check=False,
                                                          capture_output=True).stdout, expected.stdout)
        self.assertEqual(footprint("merge", "-o", "-", self.path).stdout, self.merged(self.path))
        ran = footprint("run", "-o", "-", "--", "true")
        self.assertTrue(footprint("show", "-", data=ran.stdout).stdout.startswith(b"true unversioned: complete"))
        self.assertIn(b"manifest   standard output\n", ran.stderr)
        near, far = socket.socketpair()
        far.sendall(piped)
        far.close()
        with near:
            done = manifests.subprocess.run([manifests.FOOTPRINT, "show", "-"], stdin=near, capture_output=True,
                                            check=False)
        self.assertEqual(done.stdout, footprint("show", self.path).stdout)

    def test_errors_name_standard_input_and_output(self):
        self.assert_trouble(footprint("show", "-", data=b"text"), "standard input: not a manifest")
        self.assert_trouble(footprint("merge", "-o", self.file("out"), "-", self.path, data=self.merged(self.path)[:-9]),
                            "standard input: .*cut off")
        self.assertIn(b": standard input: /none is not in it",
                      footprint("why", "-", "/none", data=self.merged(self.path)).stderr)
        for command, why in [("show - <&-", "standard input: Bad file descriptor"),
                             ("show - </dev/null", "standard input: neither a regular file nor a pipe"),
                             ("merge -o - $1 >&-", "standard output: Bad file descriptor"),
                             ("run -o - -- touch $1.ran >&-", "standard output: Bad file descriptor")]:
            self.assert_trouble(manifests.run("sh", "-c", f"exec {manifests.FOOTPRINT} {command}", "sh", self.path), why)
        for arguments in [["merge", "-o", "-", self.path], ["run", "-o", "-", "touch", self.path + ".ran"]]:
            self.assertEqual(on_terminal(*arguments), b"")
        self.assertFalse(os.path.exists(self.path + ".ran"))

    def test_a_symlink_leads_to_what_is_written(self):
        os.mkdir(self.file("there"))
        os.symlink("there/link", self.file("link"))
        os.symlink(self.file("there/new"), self.file("there/link"))
        os.symlink("loop", self.file("loop"))
        os.symlink("none/new", self.file("nowhere"))
        for _ in range(2):  # first nothing is there, then a file
            self.assertEqual(footprint("merge", "-o", self.file("link"), self.path).returncode, 0)
            self.assertTrue(os.path.islink(self.file("link")))
            self.assertTrue(os.path.islink(self.file("there/link")))
            with open(self.file("there/new"), "rb") as file:
                self.assertEqual(file.read(), self.merged(self.path))
        self.assert_trouble(footprint("merge", "-o", self.file("loop"), self.path), "Too many levels")
        self.assert_trouble(footprint("merge", "-o", self.file("nowhere"), self.path), "No such file")

    def test_a_file_that_is_replaced_keeps_its_permissions(self):
        out = self.file("out")
        for mode in (0o600, 0o640, 0o664):
            with open(out, "wb"):
                os.chmod(out, mode)
            for arguments in [["merge", "-o", out, self.path], ["run", "-o", out, "true"]]:
                self.assertEqual(footprint(*arguments).returncode, 0)
                self.assertEqual(stat.S_IMODE(os.stat(out).st_mode), mode)

    def test_empty_names_are_trouble(self):
        for arguments in [["merge", "-o", "", self.path], ["why", self.path, ""], ["run", ""],
                          ["run", "-o", "", "true"]]:
            self.assert_trouble(footprint(*arguments), "; see 'footprint " + arguments[0])
        for command in COMMANDS:
            self.assertNotIn(b"?;", footprint(command).stderr)
            self.assertNotIn(b"?;", footprint(command, "-ox").stderr)

    @unittest.skipIf(os.geteuid() or not hasattr(os, "mknod"), "needs root")
    def test_a_device_stays_a_device(self):
        for minor, status in [(3, 0), (7, 2)]:  # the devices /dev/null and /dev/full
            path = self.file(f"device{minor}")
            try:
                os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
                os.close(os.open(path, os.O_WRONLY))
            except PermissionError:
                self.skipTest("no devices here")
            self.assertEqual(footprint("merge", "-o", path, self.path).returncode, status)
            self.assertTrue(stat.S_ISCHR(os.lstat(path).st_mode))

    def merged(self, *paths):
        out = self.file("merged")
        done = footprint("merge", "-o", out, *paths)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out, "rb") as file:
            return file.read()

    def test_merge_refuses_what_does_not_belong(self):
        other, out = self.file("b.footprint"), self.file("out.footprint")
        manifests.write(other, shop("1.4"))
        self.assert_trouble(footprint("merge", "-o", out, self.path, other),
                            "is of shop 1.4, not of shop 1.3")
        self.assertFalse(os.path.exists(out))
        done = footprint("merge", "--force", "-o", out, self.path, other)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b'version: "1.3"', manifests.protoc("decode", manifests.unzstd(out)))

    def test_merge_does_not_care_about_order(self):
        parts, outputs = [], set()
        for number in range(3):
            parts.append(self.file(f"part{number}"))
            manifests.write(parts[-1], shop(files=[
                {"path": b"/%d" % (number * 7 % 5), "type": ("TYPE_FILE",),
                 "uses": [{"by": number % 2, "access": 1 << number}], "present": True,
                 "mode": number}]))
        for order in [(0, 1, 2), (2, 1, 0), (1, 0, 2, 1, 0), (0, 2, 1)]:
            out = self.file("out")
            done = footprint("merge", "-o", out, *[parts[number] for number in order])
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out, "rb") as file:
                outputs.add(file.read())
        self.assertEqual(len(outputs), 1)

    def test_why_explains_all_of_one_name(self):
        manifests.write(self.path, shop(endpoints=[
            {"operation": ("OPERATION_CONNECT",), "address": "[::1]:80", "by": [0]},
            {"operation": ("OPERATION_BIND",), "address": "[::1]:80", "by": [1]}]))
        text = footprint("why", self.path, "[::1]:80").stdout.decode()
        self.assertEqual(re.findall(r"\S+ +\[::1\]:80 \(\w+\)|\S+dash|\S+nginx", text),
                         ["/usr/bin/dash", "used        [::1]:80 (connect)", "/usr/bin/dash",
                          "/usr/sbin/nginx", "used        [::1]:80 (bind)"])
        told = json.loads(footprint("why", "-j", self.path, "[::1]:80").stdout)
        self.assertEqual([told["path"], told["chain"][-1]["operation"]], ["[::1]:80", "connect"])
        self.assertEqual([(one["path"], one["chain"][-1]["operation"]) for one in told["also"]],
                         [("[::1]:80", "bind")])
        self.assertEqual(json.loads(footprint("why", "-j", self.path, "libz.so.1").stdout)["also"], [])

    def test_why_names_the_others(self):
        programs = [{"path": b"/usr/bin/app%02d" % number, "first": number == 0,
                     "executes": list(range(1, 25)) if not number else [1] if number == 7 else []}
                    for number in range(25)]
        everybody = list(range(25))
        manifests.write(self.path, shop(
            executables=programs,
            files=[{"path": b"/etc/conf", "type": ("TYPE_FILE",), "present": True, "mode": 0o644, "size": 1,
                    "uses": [{"by": 1, "access": 1}, {"by": 3, "access": 3}]}],
            libraries=[{"path": b"/usr/lib/libz.so.1", "soname": "libz.so.1",
                        "loaders": [{"by": 2, "requester": b"/usr/bin/app02"},
                                    {"by": 4, "loaded": ("LOADED_DLOPEN",), "requester": b"/usr/bin/app04"}]}],
            endpoints=[{"operation": ("OPERATION_CONNECT",), "address": "[::1]:80", "by": [5, 6]},
                       {"operation": ("OPERATION_BIND",), "address": "[::1]:80", "by": [7]}],
            missing=[{"path": b"/etc/none", "by": everybody}]))

        for what, line in [("/etc/conf", "also used by      app03 (read write)"),
                           ("libz.so.1", "also loaded by    app04"),
                           ("[::1]:80", "also used by      app06"),
                           ("/usr/bin/app01", "also executed by  app07"),
                           ("/usr/bin/app02", None),
                           ("/etc/none", "also sought by    " + ", ".join(
                               f"app{number:02}" for number in range(1, 21)) + " +4")]:
            text = footprint("why", self.path, what).stdout.decode()
            self.assertEqual(re.findall("also.*", text), [line] if line else [], what)
        for what, by in [("/etc/conf", [1, 3]), ("libz.so.1", [2, 4]), ("[::1]:80", [5, 6]),
                         ("/usr/bin/app01", [0, 7]), ("/usr/bin/app00", []), ("/etc/none", everybody)]:
            told = json.loads(footprint("why", "-j", self.path, what).stdout)
            self.assertEqual(told["by"], [f"/usr/bin/app{number:02}" for number in by], what)
        told = json.loads(footprint("why", "-j", self.path, "[::1]:80").stdout)
        self.assertEqual([one["by"] for one in told["also"]], [["/usr/bin/app07"]])

    def test_why_explains(self):
        text = footprint("why", self.path, "libz.so.1").stdout.decode()
        self.assertEqual([line.split()[-1] for line in text.split("\n") if line],
                         ["/usr/lib/libz.so.1.2.13", "/usr/bin/dash", "/usr/sbin/nginx",
                          "/usr/lib/libssl.so.3", "/usr/lib/libz.so.1.2.13"])
        self.assertIn(b"(not there)", footprint("why", self.path, "/etc/ld.so.preload").stdout)
        self.assertIn(b"(bind)", footprint("why", self.path, "0.0.0.0:80").stdout)
        done = footprint("why", self.path, "/opt/nginx.conf")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"/opt/nginx.conf is not in it", done.stderr)
        self.assertIn(b"  /etc/nginx.conf\n", done.stderr)
        done = footprint("why", self.path, "ld.so.preload")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"The manifest has:\n  /etc/ld.so.preload (not there)\n", done.stderr)

    def test_why_suggests_addresses(self):
        manifests.write(self.path, shop(endpoints=[
            {"operation": (f"OPERATION_{operation}",), "address": address, "by": [1]}
            for operation, address in [("CONNECT", "10.0.0.1:5432"), ("CONNECT", "odd"),
                                       ("CONNECT", "unix:/run/db.sock"), ("BIND", "0.0.0.0:80"),
                                       ("BIND", "[::]:80")]]))
        for asked, suggested in [("5432", ["10.0.0.1:5432"]), (":80", ["0.0.0.0:80", "[::]:80"]),
                                 ("10.0.0.1", ["10.0.0.1:5432"]), ("unix:/run/", ["unix:/run/db.sock"]), ("432", [])]:
            done = footprint("why", self.path, asked)
            self.assertEqual((done.returncode, done.stderr.decode()), (1, "".join(
                [f"footprint: {self.path}: {asked} is not in it\n"] + ["The manifest has:\n"] * bool(suggested) +
                [f"  {address}\n" for address in suggested])))


if __name__ == "__main__":
    manifests.main()

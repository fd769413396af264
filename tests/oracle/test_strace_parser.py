#!/usr/bin/env python3
"""The oracle's own tests: traces as strace wrote them, checked by hand.

Paths stand in clear here and are put into hexadecimal, as -xx does, before they are parsed.
"""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from judge import accesses, compare, elf, mounts, said, strace  # noqa: E402
from judge.exclusions import Own, left_out  # noqa: E402
from judge.own_calls import Finder  # noqa: E402
from judge.paths import Resolver  # noqa: E402
from judge.seen import Judge  # noqa: E402
from judge.tasks import Follower  # noqa: E402

CLEAR = re.compile(r'"([^"]*)"|<(/[^<>]*)>')


def hexed(text):
    def one(match):
        whole = match.group(0)
        inner = match.group(1) if match.group(1) is not None else match.group(2)
        code = "".join(f"\\x{byte:02x}" for byte in inner.encode("latin-1"))
        return whole[0] + code + whole[-1]
    return CLEAR.sub(one, text)


def trace(text):
    """Lines of a trace, from a readable one."""
    return [hexed(line.strip()) for line in text.splitlines() if line.strip()]


def calls(text):
    return [event for event in strace.Reader(trace(text)) if isinstance(event, strace.Call)]


def steps(text, cwd=b"/start"):
    return list(Follower(list(strace.Reader(trace(text))), cwd))


START = '10 execve("/bin/sh", ["sh"], 0x7ffc /* 5 vars */) = 0\n'


class Reading(unittest.TestCase):
    def test_a_call_with_path_flags_and_descriptor(self):
        call, = calls('10 openat(AT_FDCWD</home>, "a b", O_RDONLY|O_CLOEXEC) = 3</home/a b>')
        self.assertEqual(call.values[0], strace.Word("AT_FDCWD", b"/home"))
        self.assertEqual(call.values[1].bytes, b"a b")
        self.assertEqual(call.values[2].flags(), {"O_RDONLY", "O_CLOEXEC"})
        self.assertEqual((call.result, call.error), (3, None))
        self.assertEqual(call.result_word.path, b"/home/a b")

    def test_bytes_that_look_like_punctuation(self):
        call = strace.Call(10, "unlink", r'unlink("\x22\x2c\x20\x29\x3c\xff") = 0', 1, 1)
        self.assertEqual(call.values[0].bytes, b'", )<\xff')

    def test_errors(self):
        call, = calls('10 access("/x", F_OK) = -1 ENOENT (No such file or directory)')
        self.assertEqual((call.result, call.error), (-1, "ENOENT"))

    def test_unfinished_and_resumed_are_one_call(self):
        first, second = calls('''
            10 openat(AT_FDCWD</>, "a", O_RDONLY <unfinished ...>
            11 stat("/b", {st_mode=S_IFREG|0644, st_size=4, ...}) = 0
            10 <... openat resumed>) = 3</a>''')
        self.assertEqual((first.pid, first.name), (11, "stat"))
        self.assertEqual((second.pid, second.start, second.end), (10, 1, 3))
        self.assertEqual(second.values[1].bytes, b"a")

    def test_an_argument_may_come_with_the_second_half(self):
        call, = calls('''
            10 readlink("/a",  <unfinished ...>
            10 <... readlink resumed>"b", 4096) = 1''')
        self.assertEqual([value.bytes for value in call.values[:2]], [b"/a", b"b"])

    def test_a_process_killed_inside_a_call(self):
        call, = calls('''
            10 openat(AT_FDCWD</>, "fifo", O_RDONLY <unfinished ...>
            10 <... openat resumed> <unfinished ...>) = ?
            10 +++ killed by SIGKILL +++''')
        self.assertFalse(call.finished)

    def test_socket_addresses(self):
        texts = {
            '{sa_family=AF_UNIX, sun_path="/run/x"}': b"/run/x",
            '{sa_family=AF_UNIX, sun_path=@"name"}': "unix:@name",
            '{sa_family=AF_UNIX}': None,
            '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.5")}': "10.0.0.5:80",
            '{sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), '
            'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}': "[::1]:53",
            '{sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}': None,
        }
        for text, expected in texts.items():
            call, = calls(f"10 connect(3<UNIX-STREAM:[7->8]>, {text}, 110) = 0")
            self.assertEqual(accesses.address_of(call.values[1]), expected)

    def test_messages(self):
        call, = calls('10 sendmsg(4<UDP:[1.2.3.4:5->6.7.8.9:10]>, {msg_name={sa_family=AF_INET, '
                      'sin_port=htons(53), sin_addr=inet_addr("1.1.1.1")}, msg_namelen=16, '
                      'msg_iov=[{iov_base="q", iov_len=1}], msg_iovlen=1, msg_controllen=0, '
                      'msg_flags=0}, 0) = 1')
        self.assertEqual(accesses.address_of(call.values[1]["msg_name"]), "1.1.1.1:53")

    def test_devices_deleted_files_and_memory(self):
        call, = calls('10 mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</a>(deleted), 0) '
                      '= 0x7f00')
        self.assertEqual((call.values[4].path, call.values[4].deleted), (b"/a", True))

    def test_flags_without_a_name(self):
        call, = calls('10 mmap(NULL, 4096, PROT_READ, 0x8 /* MAP_??? */|MAP_ANONYMOUS, -1, 0) = 0x7f')
        self.assertIn("MAP_ANONYMOUS", call.values[3].flags())

    def test_what_is_not_understood_is_an_error(self):
        for text in ("nonsense", "10 nonsense", '10 <... openat resumed>) = 3'):
            with self.assertRaises(strace.TraceError):
                list(strace.Reader([text]))
        broken, = calls('10 openat(AT_FDCWD</>, , O_RDONLY) = 3')
        with self.assertRaises(strace.TraceError):
            _ = broken.values


class Following(unittest.TestCase):
    def test_a_child_speaks_before_its_birth_returns(self):
        found = steps(START + '''
            10 chdir("/a") = 0
            10 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f <unfinished ...>
            11 chdir("b") = 0
            11 unlink("x") = 0
            10 <... clone resumed>) = 11
            10 unlink("y") = 0''')
        where = {step.call.text.split("(")[0] + str(step.call.pid): step.cwd for step in found}
        self.assertEqual(where["unlink11"], b"/a/b")
        self.assertEqual(where["unlink10"], b"/a")

    def test_threads_share_the_working_directory(self):
        found = steps(START + '''
            10 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, exit_signal=0} => {parent_tid=[11]}, 88) = 11
            11 chdir("/t") = 0
            10 unlink("y") = 0''')
        self.assertEqual(found[-1].cwd, b"/t")
        self.assertIs(found[-1].image, found[-2].image)

    def test_strace_knows_the_working_directory_best(self):
        found = steps(START + '''
            10 chdir("link") = 0
            10 newfstatat(AT_FDCWD</real>, "x", {st_mode=S_IFREG|0644, ...}, 0) = 0
            10 unlink("y") = 0''')
        self.assertEqual(found[-1].cwd, b"/real")

    def test_a_thread_that_execs_takes_the_pid_of_its_process(self):
        found = steps(START + '''
            10 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_THREAD) = 11
            11 execve("/bin/cat", ["cat"], 0x7ffc /* 5 vars */ <pid changed to 10 ...>
            10 +++ superseded by execve in pid 11 +++
            10 <... execve resumed>) = 0
            10 unlink("y") = 0''')
        self.assertEqual(found[-1].image.path, b"/bin/cat")

    def test_a_parent_that_is_gone(self):
        found = steps(START + '''
            10 fork() = 11
            10 +++ exited with 0 +++
            11 unlink("y") = 0''')
        self.assertEqual(found[-1].image.path, b"/bin/sh")

    def test_nobody_comes_from_nowhere(self):
        with self.assertRaises(strace.TraceError):
            steps(START + '12 unlink("y") = 0')


class Meaning(unittest.TestCase):
    def uses(self, line, cwd=b"/start"):
        step = steps(START + line, cwd)[-1]
        return accesses.accesses(step)

    def one(self, line):
        use, = self.uses(line)
        return use

    def test_opens(self):
        cases = {
            "O_RDONLY": {"read"}, "O_WRONLY|O_TRUNC": {"write"}, "O_RDWR": {"read", "write"},
            "O_WRONLY|O_CREAT": {"write", "create"}, "O_RDONLY|O_CREAT|O_TRUNC": {"read", "write", "create"},
            "O_RDONLY|O_DIRECTORY": {"list"}, "O_RDONLY|O_PATH": {"check"},
            "O_RDWR|O_TMPFILE": {"check"},
        }
        for flags, expected in cases.items():
            use = self.one(f'10 openat(AT_FDCWD</d>, "x", {flags}) = 3</d/x>')
            self.assertEqual((use.base, use.path, use.accesses), (b"/d", b"x", expected))

    def test_outcomes(self):
        for error, expected in (("ENOENT", (frozenset(), True)), ("ENOTDIR", (frozenset(), True)),
                                ("EACCES", ({"check"}, False)), ("EEXIST", ({"check"}, False))):
            use = self.one(f'10 mkdir("x", 0755) = -1 {error} (Some text)')
            self.assertEqual((use.accesses, use.missing), expected)
        self.assertEqual(self.uses('10 truncate("x", -1) = -1 EINVAL (Invalid argument)'), [])
        no_link, = self.uses('10 readlink("x", 0x7f, 10) = -1 EINVAL (Invalid argument)')
        self.assertEqual(no_link.accesses, frozenset({"check"}))

    def test_two_names(self):
        old, new = self.uses('10 renameat2(3</a>, "x", AT_FDCWD</b>, "y", RENAME_NOREPLACE) = 0')
        self.assertEqual((old.base, old.accesses), (b"/a", {"delete", "rename"}))
        self.assertEqual((new.base, new.accesses), (b"/b", {"create", "rename"}))
        old, new = self.uses('10 linkat(AT_FDCWD</a>, "x", AT_FDCWD</a>, "y", AT_SYMLINK_FOLLOW) = 0')
        self.assertEqual((old.follow, old.accesses), (True, {"metadata"}))
        self.assertEqual((new.follow, new.accesses), (False, {"create"}))

    def test_links_that_are_not_followed(self):
        self.assertFalse(self.one('10 lstat("x", 0x7f) = 0').follow)
        self.assertFalse(self.one('10 newfstatat(AT_FDCWD</>, "x", 0x7f, AT_SYMLINK_NOFOLLOW) = 0').follow)
        self.assertTrue(self.one('10 newfstatat(AT_FDCWD</>, "x", 0x7f, 0) = 0').follow)

    def test_descriptors_alone_name_nothing(self):
        self.assertEqual(self.uses('10 newfstatat(3</a>, "", 0x7f, AT_EMPTY_PATH) = 0'), [])
        self.assertEqual(self.uses('10 utimensat(3</a>, NULL, NULL, 0) = 0'), [])

    def test_a_socket_is_a_file_too(self):
        path, endpoint = self.uses('10 connect(3<UNIX-STREAM:[1]>, {sa_family=AF_UNIX, sun_path="s"}, 10) = 0')
        self.assertEqual((path.path, path.accesses), (b"s", {"read", "write"}))
        self.assertEqual((endpoint.operation, endpoint.address), ("connect", b"s"))
        missing, = self.uses('10 connect(3<UNIX-STREAM:[1]>, {sa_family=AF_UNIX, sun_path="s"}, 10) '
                             '= -1 ENOENT (No such file or directory)')
        self.assertTrue(missing.missing)
        waits, = self.uses('10 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(1), '
                           'sin_addr=inet_addr("1.2.3.4")}, 16) = -1 EINPROGRESS (Operation now in progress)')
        self.assertEqual(waits.address, "1.2.3.4:1")

    def test_an_unknown_call_is_an_error(self):
        with self.assertRaises(strace.TraceError):
            self.uses('10 newcall("x") = 0')


class Resolving(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "usr/lib").mkdir(parents=True)
        (self.root / "usr/lib/x").touch()
        (self.root / "lib").symlink_to("usr/lib")
        (self.root / "short").symlink_to("/lib/x")
        (self.root / "loop").symlink_to("loop")
        self.resolver = Resolver(os.fsencode(folder.name))

    def check(self, path, expected, links=(), exists=True, **more):
        found = self.resolver.resolve(more.pop("base", b"/"), path, **more)
        self.assertEqual((found.path, found.links, found.exists), (expected, tuple(links), exists))

    def test_links_are_walked_in_the_root(self):
        self.check(b"/lib/x", b"/usr/lib/x", [b"/lib"])
        self.check(b"/short", b"/usr/lib/x", [b"/short", b"/lib"])
        self.check(b"/short", b"/short", follow=False)
        self.check(b"../../lib/../lib/x", b"/usr/lib/x", [b"/lib"], base=b"/usr/lib")
        self.check(b"lib/", b"/usr/lib", [b"/lib"], follow=False)

    def test_what_does_not_exist_is_a_text(self):
        self.check(b"/lib/no/./such/../thing", b"/usr/lib/no/thing", [b"/lib"], exists=False)
        self.check(b"/usr/lib/x/y", b"/usr/lib/x/y", exists=False)

    def test_loops_end(self):
        self.assertFalse(self.resolver.resolve(b"/", b"/loop").exists)

    def test_proc_is_not_walked(self):
        self.check(b"/proc/self/exe", b"/proc/self/exe", exists=False)

    def test_a_chroot_is_a_root(self):
        self.check(b"/../lib/x", b"/usr/lib/x", chroot=b"/usr")


class Judging(unittest.TestCase):
    OWN = Own(b"/opt/libfootprint.so", b"/run/sock", b"/run/spool")

    def seen(self, text):
        return Judge(Resolver(b"/nonexistent-root"), self.OWN, b"/").read(trace(text))

    def test_sets_per_program(self):
        seen = self.seen(START + '''
            10 openat(AT_FDCWD</>, "/a", O_RDONLY) = 3</a>
            10 unlink("/b") = 0
            10 access("/c", F_OK) = -1 ENOENT (No such file or directory)
            10 connect(3<UNIX-SEQPACKET:[1]>, {sa_family=AF_UNIX, sun_path="/run/sock"}, 12) = 0
            10 execve("/bin/cat", ["cat"], 0x7f /* 1 var */) = 0
            10 mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</lib/z.so>, 0) = 0x7f00''')
        facts = seen.facts
        self.assertEqual(set(facts["opened"]), {(b"/bin/sh", b"/a", "read")})
        self.assertEqual(set(facts["written"]), {(b"/bin/sh", b"/b", "delete")})
        self.assertEqual(set(facts["missing"]), {b"/c"})
        self.assertEqual(set(facts["executed"]), {(b"/bin/sh", b"/bin/cat")})
        self.assertEqual(set(facts["loaded"]), {(b"/bin/cat", b"/lib/z.so")})
        self.assertEqual(set(facts["connected"]), set())

    def test_left_out(self):
        for path in (b"/proc/1/maps", b"/sys", b"/dev/pts/0", b"/dev/tty", b"/dev/ttyS0"):
            self.assertTrue(left_out(path))
        for path in (b"/process", b"/dev/null", b"/dev/shm/x", b"/dev/ptmx"):
            self.assertFalse(left_out(path))

    def test_looks_at_programs_may_be_ours(self):
        text = START + '''
            10 newfstatat(AT_FDCWD</>, "/bin/cat", {st_mode=S_IFREG|0755, ...}, 0) = 0
            10 unlink("/x") = 0
            10 newfstatat(AT_FDCWD</>, "/bin/cat", {st_mode=S_IFREG|0755, ...}, 0) = 0
            10 openat(AT_FDCWD</>, "/bin/cat", O_RDONLY|O_NOCTTY|O_NONBLOCK|O_CLOEXEC) = 3</bin/cat>
            10 execve("/bin/cat", ["cat"], 0x7f /* 1 var */) = 0'''
        found = Finder(list(strace.Reader(trace(text))), self.OWN).find()
        self.assertEqual(sorted(call.start for call in found), [4, 5])

    def test_a_miss_and_an_extra_are_named(self):
        seen = self.seen(START + '''
            10 openat(AT_FDCWD</>, "/a", O_RDONLY) = 3</a>
            10 openat(AT_FDCWD</>, "/b", O_RDONLY) = 3</b>''')
        manifest = {"gaps": [], "executables": [], "libraries": [], "endpoints": [], "missing": [],
                    "files": [{"path": path, "type": "file",
                               "uses": [{"by": "/bin/sh", "access": ["read"]}]}
                              for path in ("/b", "/c")]}
        score = compare.compare(seen, said.Said(manifest))["opened"]
        self.assertEqual([fact for fact, _ in score.missed], [(b"/bin/sh", b"/a", "read")])
        self.assertIn('"/a"', score.missed[0][1])
        self.assertEqual(score.extra, [(b"/bin/sh", b"/c", "read")])
        self.assertEqual((score.recall(), score.precision()), (50.0, 50.0))
        self.assertFalse(score.passes("opened"))

    def test_json_paths_hold_any_bytes(self):
        self.assertEqual(said.unescape("/a\\xff\\\\ü"), b"/a\xff\\\xc3\xbc")


class Mounts(unittest.TestCase):
    def test_the_last_mount_is_on_top(self):
        binds = [(b"/srv/a", b"/data"), (b"/srv/b", b"/data/in")]
        self.assertEqual(mounts.without(b"/data/in/x", binds), b"/srv/b/x")
        self.assertEqual(mounts.without(b"/data/out", binds), b"/srv/a/out")
        self.assertEqual(mounts.without(b"/database", binds), b"/database")

    def test_a_descriptor_has_the_path_of_its_open(self):
        hexed = "".join(f"\\x{byte:02x}" for byte in b"/root")
        own = "".join(f"\\x{byte:02x}" for byte in b"/proc/self/fd/4")
        source = "".join(f"\\x{byte:02x}" for byte in b"/work")
        lines = [f'7 openat(AT_FDCWD<{hexed}>, "{hexed}", O_RDONLY|O_PATH) = 4<{hexed}>\n',
                 f'7 mount("{source}", "{own}", NULL, MS_BIND|MS_REC, NULL) = 0\n']
        descriptors = mounts.Descriptors()
        calls = list(strace.Reader(lines))
        for call in calls:
            descriptors.see(call)
        self.assertEqual(mounts.bind_of(calls[1], descriptors), (b"/work", b"/root"))


class Elf(unittest.TestCase):
    def test_interpreters(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "s"
            script.write_bytes(b"#! /usr/bin/env -S python3 -I\n")
            self.assertEqual(elf.shebang(script), b"/usr/bin/env")
            self.assertIsNone(elf.interpreter(script))
        self.assertIn(b"/ld-", elf.interpreter("/bin/sh"))

    def test_programs_of_the_dynamic_linker(self):
        words = [strace.Text(word) for word in (b"ld.so", b"--library-path", b"/x", b"/bin/cat", b"y")]
        self.assertEqual(elf.linker_program(words), b"/bin/cat")


if __name__ == "__main__":
    unittest.main()

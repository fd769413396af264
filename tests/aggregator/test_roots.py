#!/usr/bin/env python3
"""What footprintd reads in a container's root apart from the files that its processes use: package
databases that change or are damaged, and what the ELF files need."""
import ctypes, hashlib, json, os, re, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

PAGE = 4096


def put(root, name, content):
    """Replaces a file by a new one, as package managers do."""
    os.makedirs(os.path.dirname(root + name), exist_ok=True)
    with open(root + name + ".new", "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    os.rename(root + name + ".new", root + name)


def install(root, version, name="tool", files=("/etc/tool.conf",)):
    put(root, "/var/lib/dpkg/info/%s.list" % name, "".join(file + "\n" for file in ("/.", "/etc", *files)))
    put(root, "/var/lib/dpkg/status", "Package: %s\nStatus: install ok installed\n"
                                      "Architecture: all\nVersion: %s\n\n" % (name, version))


def say(daemon, root, records, executable="/usr/bin/tool", application="app", until=lambda: True):
    """A process image in this root that says hello and ends."""
    hello_bytes = hello(os.urandom(16), application, executable=executable, top=root)
    fd, top = memory(b"".join(slot(r) for r in records), hello_bytes), os.open(root, os.O_PATH)
    s = connect(daemon)
    say_hello(s, hello_bytes, [fd, top], root=False)
    wait_for("what it waits for", until)
    s.close()
    os.close(fd)
    os.close(top)


def a_root_that_is_handed_over_later(daemon):
    """What was spooled in this root while nobody listened is resolved as if somebody had."""
    with tempfile.TemporaryDirectory() as root:
        put(root, "/etc/real", "x")
        put(root, "/usr/bin/tool", "x")
        os.symlink("real", root + "/etc/link")
        with open(daemon.directory + "/being-written", "wb") as f:
            f.write(spool_entry(hello(os.urandom(16), executable="/usr/bin/tool", top=root),
                                slot(path("/etc/link"))))
        os.rename(f.name, daemon.spool + "/records.0")
        wait_for("the file taken", lambda: not os.path.exists(daemon.spool + "/records.0"))
        say(daemon, root, [path("/usr/bin/tool")])
        wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/real"))
        assert daemon.stop() == 0
    assert 'kind: "unresolved"' not in daemon.manifest(), daemon.manifest()


def a_root_with_the_numbers_of_one_that_is_gone(daemon):
    """A container that is started after another one was removed often gets the same device and inode. What
    processes of the old one left is not looked at in the new root; what its own processes left is."""
    with tempfile.TemporaryDirectory() as root:
        put(root, "/etc/conf", "new")
        put(root, "/usr/bin/tool", "x")
        if not birth(root):
            print("the file system does not say when a directory was made")
            return
        nanoseconds = re.search(r"\.(\d{9})", subprocess.run(
            ["stat", "-c", "%w", root], stdout=subprocess.PIPE, text=True, check=True).stdout)
        born_ns = birth(root) * 10 ** 9 + int(nanoseconds[1])
        for uid, name, time_ns in (0, "gone", born_ns - 10 ** 9), (1, "living", born_ns):
            with open(daemon.directory + "/being-written", "wb") as f:
                f.write(spool_entry(hello(os.urandom(16), executable="/usr/bin/tool", top=root,
                                          application=name, birth_ns=time_ns), slot(path("/etc/conf"))))
            os.rename(f.name, "%s/records.%d" % (daemon.spool, uid))
        say(daemon, root, [path("/usr/bin/tool")])
        wait_for("both", lambda: has_file(daemon.manifest("gone@1"), "/etc/conf")
                 and has_file(daemon.manifest("living@1"), "/etc/conf"))
        assert daemon.stop() == 0
    for name, digest in ("gone", None), ("living", hashlib.sha256(b"new").hexdigest()):
        manifest = shown(daemon, name + "@1")
        file, = (f for f in manifest["files"] if f["path"] == "/etc/conf")
        assert file.get("sha256") == digest, (name, file)
        assert [gap["kind"] for gap in manifest["gaps"]] == ([] if digest else ["unresolved"]), manifest["gaps"]


def in_namespace(ranges, then):
    """Runs something in a user namespace with the mapping "INSIDE OUTSIDE COUNT" for users and groups."""
    ready, made = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        try:
            made_it = ctypes.CDLL(None).unshare(0x10000000) == 0  # CLONE_NEWUSER
            os.write(made[1], b"x")
            os.read(ready[0], 1)
            then()
            os._exit(0 if made_it else 1)
        finally:
            os._exit(1)
    os.read(made[0], 1)
    for kind in "uid", "gid":
        with open("/proc/%d/%s_map" % (child, kind), "w") as maps:
            maps.write(ranges)
    os.write(ready[1], b"x")
    for fd in ready + made:
        os.close(fd)
    return os.waitpid(child, 0)[1]


def owners_are_as_the_container_calls_them(daemon):
    """In a container with a user namespace of its own, user 0 is another user than on the machine."""
    if os.geteuid():
        print("takes root, who gives files away")
        return
    for name, top, ranges, expected in (
            ("container", 100000, "0 100000 1000\n1000 300000 1000", [(0, 0), (33, 42), (1005, 1005), (65534, 65534)]),
            ("sandbox", 0, "0 100000 65536", [(100000, 100000), (100033, 100042), (300005, 300005), (0, 0)])):
        with tempfile.TemporaryDirectory() as root:
            os.chmod(root, 0o755)
            os.chown(root, top, top)
            owners = [(100000, 100000), (100033, 100042), (300005, 300005), (0, 0)]
            for i, (uid, gid) in enumerate(owners):
                put(root, "/etc/%d" % i, "x")
                os.chown("%s/etc/%d" % (root, i), uid, gid)

            def use():
                say(daemon, root, [path("/etc/%d" % i) for i in range(len(owners))], application=name,
                    until=lambda: has_file(daemon.manifest(name + "@1"), "/etc/0"))

            assert in_namespace(ranges, use) == 0
        manifest = shown(daemon, name + "@1")
        found = {file["path"]: (file.get("uid"), file.get("gid")) for file in manifest["files"]}
        assert [found["/etc/%d" % i] for i in range(len(owners))] == expected, (name, found)


def a_root_that_is_never_handed_over(daemon):
    """Its paths are listed as they were given, with a gap: after a while, or at the end at the latest."""
    for stops in (False, True):
        with tempfile.TemporaryDirectory() as root:
            with open(daemon.directory + "/being-written", "wb") as f:
                f.write(spool_entry(hello(os.urandom(16), executable="/usr/bin/tool", top=root),
                                    slot(path("/etc/file-%d" % stops))))
            os.rename(f.name, daemon.spool + "/records.0")
            if stops:
                wait_for("the file taken", lambda: not os.path.exists(daemon.spool + "/records.0"))
                assert daemon.stop() == 0
            wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/file-%d" % stops))
        assert "its root directory is not known" in daemon.manifest()


def a_package_is_upgraded(daemon):
    with tempfile.TemporaryDirectory() as root:
        def version(wanted):
            say(daemon, root, [path("/etc/tool.conf")])
            return 'version: "%s"' % wanted in daemon.manifest()

        put(root, "/etc/tool.conf", "x")
        install(root, "1.0-1")
        wait_for("the package", lambda: version("1.0-1"))
        install(root, "1.0-2")
        wait_for("the upgraded package", lambda: version("1.0-2"))


def shown(daemon, name="app@1"):
    show = subprocess.run([BUILD + "/footprint", "show", "--json", "%s/%s.footprint" % (daemon.manifests, name)],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(show.stdout)


def a_file_belongs_to_the_package_of_its_own_root(daemon):
    """One application in many roots, with more files than are asked for at a time."""
    expected = {}
    with tempfile.TemporaryDirectory() as top:
        for i in range(80):
            root = "%s/%d" % (top, i)
            files = ["/etc/%d-%d" % (i, n) for n in range(1500 if i == 0 else 3)]
            for file in files + ["/etc/nobodys-%d" % i]:
                put(root, file, "x")
            # Databases of other roots have the same names, which must not matter here.
            others = ["/etc/%d-%d" % (other, n) for other in (i - 1, i + 1) for n in range(3)]
            install(root, "1", "package-%d" % i, files + others + ["/etc/nobodys-%d" % (i + 1)])
            say(daemon, root, [path(file) for file in files + ["/etc/nobodys-%d" % i]])
            expected.update({file: "package-%d" % i for file in files})
            expected["/etc/nobodys-%d" % i] = None
        assert daemon.stop() == 0
    found = {file["path"]: file.get("package") for file in shown(daemon)["files"] if file["path"] in expected}
    assert found == expected, set(found.items()) ^ set(expected.items())


def many_roots_at_a_time(daemon):
    """What is kept of each is small. (As a rule malloc takes large pieces from the kernel, and untouched pages of
    these do not count; but once a root is gone it takes its pieces again.)"""
    daemon.kill()
    daemon.wrapper = ["env", "MALLOC_MMAP_THRESHOLD_=%d" % (64 << 20)]
    daemon.start()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(100):
            root = "%s/%d" % (folder, number)
            install(root, "1")
            put(root, "/etc/tool.conf", "of %d" % number)
            put(root, "/usr/bin/tool", object_that_needs([]))
            say(daemon, root, [path("/etc/tool.conf")], application="app-%d" % number)
        for number in range(100):
            wait_for("its file", lambda: has_file(daemon.manifest("app-%d@1" % number), "/etc/tool.conf"))
    assert daemon.memory_kib() < 60 << 10, "%d KiB" % daemon.memory_kib()


def memory_of_roots_that_are_gone(daemon):
    """It is given back, although nobody says anything any more."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(400):
            root = "%s/%d" % (folder, number)
            install(root, "1")
            put(root, "/usr/bin/tool", object_that_needs([]))
            say(daemon, root, [path("/none/%d" % i, error=2) for i in range(9)], application="app-%d" % (number % 40))
    wait_for("memory", lambda: daemon.memory_kib("VmRSS") < 24 << 10, 120)


def a_root_that_nobody_uses_any_more(daemon):
    """Its packages are known, however late the manifest is written. Meanwhile containers come and go, and
    more roots than are kept are idle half a minute after their sessions."""
    daemon.stop()
    daemon.interval = "40"
    daemon.start()
    for number in range(70):
        root = "%s/root-%d" % (daemon.directory, number)
        install(root, "1.0")
        put(root, "/etc/tool.conf", "x")
        say(daemon, root, [path("/etc/none", error=2) if number else path("/etc/tool.conf")])
    wait_for("the manifest", lambda: has_file(daemon.manifest(), "/etc/tool.conf"), 60)
    assert 'name: "tool"' in daemon.manifest(), daemon.manifest()


def a_damaged_database_is_said_once(daemon):
    with tempfile.TemporaryDirectory() as root:
        put(root, "/etc/tool.conf", "x")
        os.makedirs(root + "/var/lib/dpkg")
        os.mkfifo(root + "/var/lib/dpkg/status")
        for name in ("/etc/tool.conf", "/etc/none", "/etc/other"):
            say(daemon, root, [path(name)])
        wait_for("the file", lambda: has_file(daemon.manifest(), "/etc/tool.conf"))
    assert daemon.stop() == 0
    said = re.findall(r"^footprintd: packages of a watched root: .*dpkg/status.*$", daemon.stderr(),
                      re.M)
    assert len(said) == 1, said


def object_that_needs(names, runpath=None):
    """An ELF object with these DT_NEEDED entries, by elf(5)."""
    strings, dynamic = b"\0", b""
    if runpath:
        dynamic += struct.pack("<QQ", 29, len(strings))  # DT_RUNPATH
        strings += runpath.encode() + b"\0"
    for name in names:
        dynamic += struct.pack("<QQ", 1, len(strings))  # DT_NEEDED
        strings += name.encode() + b"\0"
    place = 64 + 2 * 56
    size = len(dynamic) + 3 * 16
    dynamic += struct.pack("<QQQQQQ", 5, place + size, 10, len(strings), 0, 0)  # DT_STRTAB, DT_STRSZ
    total = place + size + len(strings)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segments = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, total, total, PAGE) + \
        struct.pack("<IIQQQQQQ", 2, 6, place, place, place, size, size, 8)
    return head + segments + dynamic + strings


def a_program_whose_libraries_cannot_be_told_is_a_gap(daemon):
    def gaps():
        return re.findall(r'kind: "unresolved"\n  path: "([^"]*)"', daemon.manifest())

    with tempfile.TemporaryDirectory() as root:
        plugins = ["/opt/lib%d.so" % i for i in range(3)]
        for plugin in plugins:
            put(root, plugin, object_that_needs(plugin + "/%d.so" % i for i in range(4000)))
        put(root, "/usr/bin/tool", object_that_needs(["libc.so.6"]))
        put(root, "/usr/bin/monster", object_that_needs(plugins))
        say(daemon, root, [path("/etc/none")])
        say(daemon, root, [path("/etc/none")], executable="/usr/bin/monster")
        wait_for("the gap", lambda: "/usr/bin/monster" in gaps())
        assert "/usr/bin/tool" not in gaps(), gaps()


def what_cannot_be_read_is_a_gap(daemon):
    """A program, and a library: the linker does not look for it elsewhere."""
    if not shutil.which("strace"):
        print("skipped: needs strace")
        return
    root = daemon.directory + "/root"
    for directory in "/lib", "/usr/lib":
        put(root, directory + "/shared.so", object_that_needs([]))
    for name, needed in ("good", "libc.so.6"), ("bad", "libc.so.6"), ("needs-bad", "shared.so"):
        put(root, "/usr/bin/" + name, object_that_needs([needed]))
    # -D: the daemon keeps its process id.
    for name, file, why in ("bad", "/usr/bin/bad", "read: Input/output error"), \
            ("needs-bad", "/lib/shared.so", "shared.so: Input/output error"):
        daemon.stop()
        daemon.wrapper = ["strace", "-D", "-f", "-o", "/dev/null", "-P", root + file, "-e", "inject=pread64:error=EIO"]
        daemon.start()
        say(daemon, root, [path("/etc/none")], executable="/usr/bin/" + name, application=name)
        say(daemon, root, [path("/etc/none")], executable="/usr/bin/good", application=name)
        wait_for("both", lambda: daemon.manifest(name + "@1").count("watched: ") == 2)
        assert daemon.stop() == 0
        said = re.findall(r'^gaps \{\n  kind: "unresolved"\n  path: "(.*)"\n  detail: "(.*)"', daemon.manifest(name + "@1"),
                          re.M)
        assert said == [("/usr/bin/" + name, why)], said


def a_file_system_that_cannot_be_read_is_a_gap(daemon):
    """The process could open the file, and nobody knows what the symlink that it was leads to."""
    if not shutil.which("strace"):
        return
    root = daemon.directory + "/root"
    put(root, "/usr/bin/tool", object_that_needs([]))
    put(root, "/etc/good", "good")
    os.symlink("good", root + "/etc/damaged")
    daemon.stop()
    daemon.wrapper = ["strace", "-D", "-f", "-o", "/dev/null", "-P", "damaged", "-e", "inject=newfstatat:error=EIO"]
    daemon.start()
    say(daemon, root, [path("/etc/damaged")])
    wait_for("its text", lambda: has_file(daemon.manifest(), "/etc/damaged"))
    assert daemon.stop() == 0
    assert 'kind: "unresolved"\n  path: "/usr/bin/tool"\n  detail: "a file system that cannot be read' in daemon.manifest()


def digests_that_cannot_be_made(daemon):
    """OpenSSL is configured to have no digests; everything else is known."""
    daemon.stop()
    with open(daemon.directory + "/openssl.cnf", "w") as f:
        f.write("openssl_conf = init\n[init]\nproviders = providers\n[providers]\nbase = base\n"
                "[base]\nactivate = 1\n")
    daemon.wrapper = ["env", "OPENSSL_CONF=" + f.name]
    daemon.start()
    root = daemon.directory + "/root"
    put(root, "/usr/bin/tool", object_that_needs(["libc.so.6"]))
    say(daemon, root, [path("/usr/bin/tool")])
    wait_for("the file", lambda: has_file(daemon.manifest(), "/usr/bin/tool"))
    assert daemon.stop() == 0


def programs_that_are_looked_at_for_hours(daemon):
    """What a program needs is only looked for in a limited number of places, and others have their turn
    meanwhile."""
    daemon.stop()
    daemon.options = ("--threads", "1")
    daemon.start()
    root, programs = daemon.directory + "/root", ["/usr/bin/monster%d" % number for number in range(20)]
    monster = object_that_needs(("%d.so" % i for i in range(4000)), runpath="/a:" * 20000 + "/a")
    for program in programs:
        put(root, program, monster)
        say(daemon, root, [path("/etc/none", error=2)], executable=program)
    Peer(daemon, [path("/etc/passwd")], application="other").close()
    wait_for("the others", lambda: has_file(daemon.manifest("other@1"), "/etc/passwd"))
    wait_for("a gap", lambda: "looked for in more than" in daemon.manifest())
    assert daemon.manifest().count("looked for in more than") < 20, "nobody had to wait: this tests nothing"


def what_libc_loads_itself_is_explained(daemon):
    """A module and what it needs, in the order in which they are mapped; and a plugin that is mapped
    before it is known that a dlopen named it."""
    start, named, along = 0, 1, 2

    def loaders():
        return {(library["path"], loader["loaded"], loader.get("requester"))
                for library in shown(daemon)["libraries"] for loader in library["loaders"]}

    with tempfile.TemporaryDirectory() as root:
        put(root, "/usr/bin/tool", object_that_needs(["/lib/libc.so.6"]))
        put(root, "/lib/libc.so.6", object_that_needs([]))
        put(root, "/lib/libnss_x.so.2", object_that_needs(["/lib/libdeep.so.1"]))
        put(root, "/lib/libdeep.so.1", object_that_needs([]))
        put(root, "/lib/plugin.so", object_that_needs([]))
        put(root, "/lib/failed.so", object_that_needs([]))
        say(daemon, root, [
            load("/lib/libc.so.6", start),
            load("/lib/libnss_x.so.2", named) + data(11, "/lib/libc.so.6"),
            load("/lib/libdeep.so.1", along),
            load("/lib/plugin.so", along), load("/lib/plugin.so", named) + data(11, "/usr/bin/tool"),
            load("/lib/failed.so", along)])
        assert daemon.stop() == 0
    expected = {("/lib/libc.so.6", "needed", "/usr/bin/tool"),
                ("/lib/libnss_x.so.2", "dlopen", "/lib/libc.so.6"),
                ("/lib/libdeep.so.1", "dlopen", "/lib/libnss_x.so.2"),
                ("/lib/plugin.so", "dlopen", "/usr/bin/tool"),
                ("/lib/failed.so", "dlopen", None)}
    assert loaders() == expected, loaders() ^ expected


def what_nobody_will_ever_say_is_not_waited_for(daemon):
    """Records that are relative to a directory that no record will name: an unknown id, or the session's
    own, which its hello does not give. Then a load has no requester, and a socket no file."""
    unknowable = 2 ** 64 - 1
    peer = Peer(daemon, [path("here"), path("there", directory=unknowable),
                         load("/bin/sh", 1) + data(11, "./plugin.so"),
                         load("/bin/ls", 1) + fixed(3, unknowable) + data(11, "./plugin.so"),
                         endpoint(1, b"\x01\x00here.sock"),
                         endpoint(1, b"\x01\x00there.sock") + fixed(3, unknowable),
                         path("/etc/passwd")], directory="")
    wait_for("acknowledgement", lambda: peer.acknowledged() >= len(peer.log))
    libraries = {library["path"] for library in shown(daemon)["libraries"]}
    gaps = [gap for gap in shown(daemon)["gaps"] if gap["kind"] == "unresolved"]
    peer.close()
    assert {os.path.realpath("/bin/sh"), os.path.realpath("/bin/ls")} <= libraries, libraries
    assert has_file(daemon.manifest(), "/etc/passwd")
    assert {"unix:here.sock", "unix:there.sock"} <= {end["address"] for end in shown(daemon)["endpoints"]}
    assert [gap["path"] for gap in gaps] == ["/usr/bin/env"], gaps


def content_that_nobody_has_read(daemon):
    """A file that is only looked at is not hashed, until somebody reads it."""
    with tempfile.TemporaryDirectory() as root:
        put(root, "/usr/bin/tool", "x")
        put(root, "/data/large", b"x" * (64 << 20))
        put(root, "/data/small", "x")

        def state(name):
            return next((file for file in shown(daemon).get("files", ()) if file["path"] == name), {})

        def read_so_far():
            with open("/proc/%d/io" % daemon.process.pid) as file:
                return int(re.search(r"rchar: (\d+)", file.read())[1])

        say(daemon, root, [path("/data/large", CHECK), path("/data/small", CHECK)])
        wait_for("a manifest", daemon.manifest)
        wait_for("both", lambda: state("/data/large") and state("/data/small"))
        assert state("/data/large")["size"] == 64 << 20 and "sha256" not in state("/data/large")
        assert read_so_far() < 32 << 20, read_so_far()
        say(daemon, root, [path("/data/large"), path("/data/small", CHECK)])
        wait_for("the digest", lambda: "sha256" in state("/data/large"))
        assert "sha256" not in state("/data/small"), state("/data/small")
        with open(root + "/data/large", "rb") as file:
            assert state("/data/large")["sha256"] == hashlib.sha256(file.read()).hexdigest()


def a_link_that_is_made_after_it_was_looked_for(daemon):
    """What it leads to was there all the time. A link that leads nowhere was there, too."""
    with tempfile.TemporaryDirectory() as root:
        put(root, "/usr/bin/tool", "x")
        put(root, "/real/file", "x")
        os.symlink("/real", root + "/folder")
        os.symlink("second", root + "/real/first")
        os.symlink("file", root + "/real/second")
        os.symlink("nothing", root + "/real/dangling")
        say(daemon, root, [path("/folder/first", error=2), path("/folder/dangling", error=2),
                           path("/folder/none", error=2)])
        assert daemon.stop() == 0
    missing = {file["path"] for file in shown(daemon)["missing"]}
    assert missing == {"/real/first", "/real/nothing", "/real/none"}, missing


def a_process_in_a_chroot(daemon):
    """Symlinks, interpreters and libraries are resolved as for the process, also by a daemon that is
    started later."""
    with tempfile.TemporaryDirectory() as root:
        for name in ("/etc/conf", "/jail/etc/conf", "/usr/bin/tool", "/real/late", "/jail/real/late", "/bin/tool"):
            put(root, name, "x")
        put(root, "/jail/bin/script", "#!/bin/tool\n")
        put(root, "/jail/usr/bin/tool", "x")
        os.symlink("usr/../usr/bin/../bin/tool", root + "/jail/tool")
        os.symlink("/tool", root + "/jail/bin/tool")
        os.symlink("/etc/conf", root + "/jail/absolute")
        os.symlink("../../../etc/conf", root + "/jail/climbing")
        os.symlink("/real", root + "/jail/folder")
        os.symlink("/jail", root + "/way")
        inside = 7
        hello_bytes = hello(os.urandom(16), executable="/usr/bin/tool", top=root)
        log = b"".join(slot(r) for r in [
            chroot(inside, "/way"), path("absolute", directory=inside), path("climbing", directory=inside),
            path("none/../absent", error=2, directory=inside), execute("bin/script", directory=inside)])
        fd, top = memory(log, hello_bytes), os.open(root, os.O_PATH)
        s = connect(daemon)
        say_hello(s, hello_bytes, [fd, top], root=False)
        wait_for("a manifest", lambda: has_file(daemon.manifest(), "/jail/etc/conf"))
        wait_for("all on disk", lambda: struct.unpack("<Q", os.pread(fd, 8, 40))[0] == len(log))
        daemon.kill()
        daemon.start()
        late = slot(path("folder/late", directory=inside))
        s = connect(daemon)
        say_hello(s, hello_bytes, [memory(log + late, hello_bytes), top], root=False)
        wait_for("the rest", lambda: has_file(daemon.manifest(), "/jail/real/late"))
        s.close()
        assert daemon.stop() == 0
        files = {file["path"] for file in shown(daemon)["files"]}
        links = {link["path"] for link in shown(daemon)["files"] if link["type"] == "symlink"}
        missing = {file["path"] for file in shown(daemon)["missing"]}
        gaps = shown(daemon)["gaps"]
        os.close(fd)
        os.close(top)
    assert {"/jail/bin/script", "/jail/usr/bin/tool"} <= files, files
    assert not {"/etc/conf", "/real/late", "/bin/tool"} & files, files
    assert links == {"/jail/" + link for link in ("absolute", "climbing", "folder", "tool", "bin/tool")}, links
    assert missing == {"/jail/absent"}, missing
    assert {gap["kind"] for gap in gaps} <= {"no-hello"}, gaps  # the script, which was not really executed


def roots_that_a_hostile_process_names(daemon):
    """They are gaps, or ordinary paths; nothing outside the container's root is looked at."""
    with tempfile.TemporaryDirectory() as root:
        put(root, "/usr/bin/tool", "x")
        put(root, "/etc/conf", "x")
        put(root, "/last", "x")
        os.symlink("/../../..", root + "/up")
        os.symlink("loop", root + "/loop")
        say(daemon, root, [
            chroot(1, "/etc", root=5), chroot(2, "/e", root=1), path("tc/conf", directory=2),
            chroot(3, "/"), path("etc/conf", directory=3), chroot(4, "/up"), path("etc/conf", directory=4),
            chroot(5, "/loop"), path("conf", directory=5, error=40), chroot(6, "/etc/conf"),
            path("x", directory=6, error=20), chroot(8, "/none"), path("x", directory=8, error=2),
            chroot(9, "///"), path("etc/conf", directory=9), path("/last")])
        wait_for("a manifest", lambda: has_file(daemon.manifest(), "/last"))
        assert daemon.stop() == 0
        view = shown(daemon)
    assert "a root longer than its path" in [gap.get("detail") for gap in view["gaps"]], view["gaps"]
    assert "/etc/conf" in {file["path"] for file in view["files"]}, view["files"]
    assert not any("passwd" in file["path"] for file in view["files"])


def script_that_is_gone_for_who_executed_it(daemon):
    """A script that removes itself was there when its interpreter was looked at, and not when the program was that
    has executed it."""
    os.mkdir(daemon.directory + "/scripts")
    script = daemon.directory + "/scripts/once"
    with open(script, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n")
    shell = os.path.realpath("/bin/sh")
    Peer(daemon, [path("/etc/hostname")], executable=shell, script=script).close()
    wait_for("the interpreter", lambda: has_file(daemon.manifest(), "/etc/hostname"))
    os.unlink(script)
    Peer(daemon, [execute(daemon.directory + "/scripts/../scripts/once")]).close()
    assert daemon.stop() == 0
    manifest = daemon.manifest()
    names = re.findall(r'^executables \{\n  path: "(.*)"', manifest, re.M)
    executes = re.search(r'^  path: "%s"\n(?:  [a-z].*\n)*?  executes: (\d+)' % re.escape(script), manifest, re.M)
    assert "gaps {" not in manifest and executes and names[int(executes.group(1))] == shell, manifest


if __name__ == "__main__":
    run([script_that_is_gone_for_who_executed_it, a_root_that_nobody_uses_any_more, a_link_that_is_made_after_it_was_looked_for, a_process_in_a_chroot,
         roots_that_a_hostile_process_names, content_that_nobody_has_read, a_root_that_is_handed_over_later,
         a_root_with_the_numbers_of_one_that_is_gone, owners_are_as_the_container_calls_them,
         a_root_that_is_never_handed_over, a_package_is_upgraded, a_file_belongs_to_the_package_of_its_own_root,
         a_damaged_database_is_said_once, a_program_whose_libraries_cannot_be_told_is_a_gap,
         what_cannot_be_read_is_a_gap, a_file_system_that_cannot_be_read_is_a_gap, digests_that_cannot_be_made,
         programs_that_are_looked_at_for_hours, what_libc_loads_itself_is_explained,
         what_nobody_will_ever_say_is_not_waited_for, many_roots_at_a_time,
         *([memory_of_roots_that_are_gone] if os.environ.get("FOOTPRINT_TEST_LONG") == "1" else [])])

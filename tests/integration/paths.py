"""Names files in every possible way, in the folder argv[1], and prints each file's canonical path and what
was done with it, as the manifest must have it. With another argument, it only makes the files.
test_paths.sh compares."""
import ctypes
import os
import sys

top = os.path.realpath(sys.argv[1])


def make(name, text="x"):
    path = os.path.join(top, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def say(access, *name):
    for one in name:
        print(access, os.path.join(top, one))


def relative():
    os.chdir(top + "/a")
    os.close(os.open("one", os.O_RDONLY))
    say("read", "a/one")
    os.close(os.open("../b//./two", os.O_RDONLY))
    say("read", "b/two")
    os.chdir("..")
    os.close(os.open("a/../b/three", os.O_RDONLY))
    say("read", "b/three")


def by_descriptor():
    folder = os.open(top + "/c", os.O_RDONLY | os.O_DIRECTORY)
    say("list", "c")
    os.close(os.open("four", os.O_RDONLY, dir_fd=folder))
    say("read", "c/four")
    os.rename(top + "/c", top + "/c2")
    os.rename(top + "/c2", top + "/c")
    os.fchdir(folder)
    os.stat("five")
    say("check", "c/five")
    os.close(folder)


def symlinks():
    os.close(os.open(top + "/link-to-six", os.O_RDONLY))
    say("read", "d/six", "link-to-six")
    os.close(os.open(top + "/d-link/seven", os.O_RDONLY))
    say("read", "d/seven", "d-link")
    os.lstat(top + "/link-unread")
    say("check", "link-unread")
    os.close(os.open(top + "/loop/../d/eight", os.O_RDONLY))
    say("read", "d/eight", "loop")


def odd_names():
    for name in ("e/white space", "e/new\nline", "e/back\\slash", "e/\u00fcml\u00e4ut", "e/" + "n" * 255):
        os.close(os.open(os.path.join(top, name), os.O_RDONLY))
        if "\n" not in name and "\\" not in name:
            say("read", name)
    deep = os.path.join(top, *["deep" * 60] * 15, "nine")
    os.close(os.open(deep, os.O_RDONLY))
    print("read", deep)


def changes():
    os.chdir(top)
    os.close(os.open("f/created", os.O_WRONLY | os.O_CREAT, 0o644))
    say("create", "f/created")
    say("write", "f/created")
    os.rename("f/old", "f/new")
    say("rename", "f/old", "f/new")
    os.unlink("f/unlinked")
    say("delete", "f/unlinked")
    os.chmod("f/mode", 0o600)
    say("metadata", "f/mode")
    os.mkdir("f/folder")
    say("create", "f/folder")
    os.mkfifo("f/fifo")
    say("create", "f/fifo")
    os.truncate("f/truncated", 0)
    say("write", "f/truncated")
    os.symlink("anywhere", "f/symlink")
    say("create", "f/symlink")


def in_chroot():
    """Paths are recorded as seen from the first root, also in a child with a root of its own."""
    if os.geteuid() != 0:
        return
    pid = os.fork()
    if pid == 0:
        os.chroot(top + "/jail")
        os.chdir("/")
        os.close(os.open("/etc/ten", os.O_RDONLY))
        os.close(os.open("../../etc/eleven", os.O_RDONLY))
        # From now on, links lead to where they lead inside the jail.
        for name in ("absolute", "climbing", "folder/thirteen"):
            os.close(os.open("/etc/" + name, os.O_RDONLY))
        etc = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
        os.close(os.open("beside", os.O_RDONLY, dir_fd=etc))
        os.chroot("/inner")
        os.chdir("/")
        os.close(os.open("/link", os.O_RDONLY))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    say("read", "jail/etc/ten", "jail/etc/eleven", "jail/etc/hostname", "jail/etc/fstab", "jail/srv/thirteen",
        "jail/etc/shells", "jail/inner/etc/issue")


def by_syscall():
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(257, -100, os.fsencode(top + "/g/twelve"), os.O_RDONLY, 0)
    assert fd >= 0
    say("read", "g/twelve")


def missing():
    for name in ("none", "a/none/below", "a/one/below"):
        try:
            os.stat(os.path.join(top, name))
        except OSError:
            pass
    print("missing", os.path.join(top, "none"))


if len(sys.argv) > 2:
    for name in ("a/one", "b/two", "b/three", "c/four", "c/five", "d/six", "d/seven", "d/eight",
                 "e/white space", "e/new\nline", "e/back\\slash", "e/\u00fcml\u00e4ut", "e/" + "n" * 255,
                 "f/old", "f/unlinked", "f/mode", "f/truncated", "jail/etc/ten", "jail/etc/eleven",
                 "jail/etc/hostname", "jail/etc/fstab", "jail/srv/thirteen", "jail/etc/shells", "jail/inner/etc/issue",
                 "g/twelve", os.path.join(*["deep" * 60] * 15, "nine")):
        make(name)
    for name, target in (("absolute", "/etc/hostname"), ("climbing", "../../../../etc/fstab"),
                         ("folder", "/srv"), ("beside", "/etc/shells")):
        os.symlink(target, top + "/jail/etc/" + name)
    os.symlink("/etc/issue", top + "/jail/inner/link")
    os.symlink("d/six", top + "/link-to-six")
    os.symlink(top + "/d", top + "/d-link")
    os.symlink("d", top + "/link-unread")
    os.symlink("a", top + "/loop")
    sys.exit(0)
relative()
by_descriptor()
symlinks()
odd_names()
changes()
in_chroot()
by_syscall()
missing()

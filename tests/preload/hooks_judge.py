"""What strace says a program did, in the terms of doc/facts.md, for comparison with records.

A fact is (access, path, outcome): access as a sorted string of words, "exec", or connect, bind, send;
path joined with the directory it was relative to, not resolved; outcome "done", "missing" or "other".
The table here is written from doc/facts.md and from the system calls' manual pages, not from ours.
"""

import glob
import os
import re
import subprocess

NOTHING = {"EFAULT", "EBADF", "EINVAL", "ENOMEM", "EMFILE", "ENFILE", "EINTR", "ENOSYS",
           "ENAMETOOLONG", "ENOTSOCK", "EAFNOSUPPORT", "EPROTOTYPE"}
MISSING = {"ENOENT", "ENOTDIR"}

# Positions of (directory, path, flags) and what it is; None: no such argument.
SIMPLE = {
    "stat": (None, 0, None, "check"), "access": (None, 0, None, "check"),
    "newfstatat": (0, 1, 3, "check"), "statx": (0, 1, 2, "check"),
    "faccessat": (0, 1, None, "check"), "faccessat2": (0, 1, 3, "check"),
    "lstat": (None, 0, "l", "check"), "readlink": (None, 0, "l", "check"),
    "readlinkat": (0, 1, "l", "check"), "statfs": (None, 0, None, "check"),
    "getxattr": (None, 0, None, "check"), "lgetxattr": (None, 0, "l", "check"),
    "listxattr": (None, 0, None, "check"), "llistxattr": (None, 0, "l", "check"),
    "inotify_add_watch": (None, 1, None, "check"), "name_to_handle_at": (0, 1, "l", "check"),
    "chdir": (None, 0, None, "check"), "chroot": (None, 0, None, "check"),
    "chmod": (None, 0, None, "metadata"), "fchmodat": (0, 1, None, "metadata"),
    "fchmodat2": (0, 1, 3, "metadata"), "chown": (None, 0, None, "metadata"),
    "lchown": (None, 0, "l", "metadata"), "fchownat": (0, 1, 4, "metadata"),
    "utime": (None, 0, None, "metadata"), "utimes": (None, 0, None, "metadata"),
    "futimesat": (0, 1, None, "metadata"), "utimensat": (0, 1, 3, "metadata"),
    "setxattr": (None, 0, None, "metadata"), "lsetxattr": (None, 0, "l", "metadata"),
    "removexattr": (None, 0, None, "metadata"), "lremovexattr": (None, 0, "l", "metadata"),
    "truncate": (None, 0, None, "write"),
    "mkdir": (None, 0, "l", "create"), "mkdirat": (0, 1, "l", "create"),
    "mknod": (None, 0, "l", "create"), "mknodat": (0, 1, "l", "create"),
    "symlink": (None, 1, "l", "create"), "symlinkat": (1, 2, "l", "create"),
    "unlink": (None, 0, "l", "delete"), "rmdir": (None, 0, "l", "delete"),
    "unlinkat": (0, 1, "l", "delete"),
    "execve": (None, 0, None, "exec"), "execveat": (0, 1, None, "exec"),
}
RENAME = {"rename": (None, 0, None, 1), "renameat": (0, 1, 2, 3), "renameat2": (0, 1, 2, 3)}
LINK = {"link": (None, 0, None, 1), "linkat": (0, 1, 2, 3)}
ADDRESS = {"connect": "connect", "bind": "bind", "sendto": "send", "sendmsg": "send",
           "sendmmsg": "send"}

LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)\)\s+= (-?\w+)(?:<[^>]*>)?(?: (E\w+))?")


def arguments(text):
    """The arguments of a call, split at the commas outside strings and brackets."""
    out, depth, quoted, current, i = [], 0, False, "", 0
    while i < len(text):
        c = text[i]
        if quoted:
            if c == "\\":
                current += c
                i += 1
                c = text[i]
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if c == "," and not depth and not quoted:
            out.append(current.strip())
            current = ""
        else:
            current += c
        i += 1
    return out + [current.strip()]


def string(text):
    match = re.match(r'"((?:[^"\\]|\\.)*)"', text)
    return match.group(1).encode().decode("unicode_escape") if match else None


def outcome(error):
    return "done" if not error else "missing" if error in MISSING else "other"


def open_access(flags):
    words = set(flags.split("|"))
    if "O_PATH" in words or "O_TMPFILE" in words:
        return {"check"}
    access = {"list"} if "O_DIRECTORY" in words else \
        {"read"} if "O_RDONLY" in words else {"write"} if "O_WRONLY" in words else \
        {"read", "write"}
    if "O_CREAT" in words:
        access.add("create")
    if "O_TRUNC" in words:
        access.add("write")
    return access


class Strace:
    """Facts of one run, from the output of strace -f -y."""

    def __init__(self, text, start):
        self.facts, self.start = set(), start
        stands = {}  # working directory of each process; a child that is not known yet has that of the start
        for line in text.splitlines():
            match = LINE.match(line)
            if match:
                pid, name, args, _, error = match.groups()
                self.start = stands.get(pid, start)
                self.call(name, arguments(args), error)
                stands[pid] = self.start

    def add(self, access, directory, path, error):
        if error in NOTHING or not path:
            return
        if not path.startswith("/"):
            match = re.search(r"<(.*)>$", directory or "")
            base = match.group(1) if match else self.start
            path = base.rstrip("/") + "/" + path
        access = " ".join(sorted(access))
        self.facts.add((access, path, outcome(error)))

    def call(self, name, args, error):
        def at(position):
            return args[position] if isinstance(position, int) else None

        if name in SIMPLE:
            directory, path, flags, access = SIMPLE[name]
            if len(args) <= path:
                return
            no_follow = flags == "l" or "AT_SYMLINK_NOFOLLOW" in str(at(flags))
            named = string(args[path])
            if name.startswith("readlink") and error == "EINVAL" and int(args[-1], 0) > 0:
                error = None  # it exists, and is no symlink
            if name == "execveat" and not named:
                link = re.search(r"<(.*)>$", args[0])
                named = link and link.group(1)
            self.add([access] + ["nofollow"] * no_follow, at(directory), named, error)
            if name == "chdir" and not error:
                path = string(args[0])
                self.start = os.path.normpath(os.path.join(self.start, path))
        elif name == "fchdir" and not error:
            self.start = re.search(r"<(.*)>$", args[0]).group(1)
        elif name in ("open", "openat", "creat"):
            position = 1 if name == "openat" else 0
            flags = "O_WRONLY|O_CREAT|O_TRUNC" if name == "creat" else args[position + 1]
            access = open_access(flags)
            if "O_NOFOLLOW" in flags:
                access.add("nofollow")
            self.add(access, args[0] if position else None, string(args[position]), error)
        elif name in RENAME:
            a, b, c, d = RENAME[name]
            self.add(["delete", "rename", "nofollow"], at(a), string(args[b]), error)
            self.add(["create", "rename", "nofollow"], at(c), string(args[d]), error)
        elif name in LINK:
            a, b, c, d = LINK[name]
            follows = "AT_SYMLINK_FOLLOW" in args[-1]
            self.add(["metadata"] + ["nofollow"] * (not follows), at(a), string(args[b]), error)
            self.add(["create", "nofollow"], at(c), string(args[d]), error)
        elif name in ADDRESS and error not in NOTHING:
            for path in re.findall(r'sun_path="([^"]*)"', ",".join(args)):
                self.facts.add((ADDRESS[name], path, outcome(error)))


def strace(command, cwd, **options):
    """Runs a program under strace; returns the facts, and its standard output."""
    log = os.path.join(options.pop("scratch"), "strace.log")
    result = subprocess.run(["strace", "-f", "-y", "-s", "5000", "-o", log,
                             "-e", "trace=file,desc,network,process"] + command, cwd=cwd,
                            stdout=subprocess.PIPE, check=True, **options)
    with open(log, errors="surrogateescape") as file:
        return Strace(merge(file.read()), cwd).facts, result.stdout


def merge(text):
    """Joins calls that were interrupted by calls of other processes into one line each."""
    waiting, out = {}, []
    for line in text.splitlines():
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            waiting[pid] = line[:-len("<unfinished ...>")].rstrip()
        elif " resumed>" in line and pid in waiting:
            out.append(waiting.pop(pid) + line.split(" resumed>", 1)[1])
        else:
            out.append(line)
    return "\n".join(out)


# ---- programs for another suite's glibc, without its development files

def suites(build):
    """(name, folder of libraries, dynamic linker) of each Debian tree in $BUILD/rootfs."""
    for root in sorted(glob.glob(os.path.join(build, "rootfs", "*"))):
        for folder in (root + "/usr/lib/x86_64-linux-gnu", root + "/lib/x86_64-linux-gnu"):
            linker = folder + "/ld-linux-x86-64.so.2"
            if os.path.exists(folder + "/libc.so.6") and os.path.exists(linker):
                yield os.path.basename(root), folder, linker
                break


def suite_options(folder, program):
    """Options that link a program, or a shared object, with the libraries in the folder."""
    options = ["-nostdlib", "-fno-stack-protector", "-Wl,--allow-shlib-undefined"]
    if program:
        options += ["-no-pie"] + [
            subprocess.run(["gcc", f"-print-file-name={name}"], check=True,
                           stdout=subprocess.PIPE).stdout.decode().strip()
            for name in ("crt1.o", "crti.o", "crtn.o")]
    names = ("libc.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0")
    return options + [f"{folder}/{name}" for name in names if os.path.exists(f"{folder}/{name}")]


# ---- the same of records, as recorder_receiver.py decodes them

BITS = ["read", "write", "create", "delete", "rename", "metadata", "exec", "load", "list", "check"]
NAMES = {getattr(__import__("errno"), name): name
         for name in dir(__import__("errno")) if name.startswith("E")}
ENDPOINTS = {"ENDPOINT_CONNECT": "connect", "ENDPOINT_BIND": "bind", "ENDPOINT_SEND": "send"}
MASK = (1 << 64) - 1


def directory_id(parent, path):
    """fp_directory_id: FNV-1a over the parent's id and the path (session_memory.h)."""
    value = 0xcbf29ce484222325
    for byte in parent.to_bytes(8, "little") + path:
        value = (value ^ byte) * 0x100000001b3 & MASK
    return value if value >> 32 else value + (1 << 32)


def facts_of(records, hellos):
    """(facts, executed programs, gaps) from the records of all sessions."""
    places = {}
    for hello in hellos:
        path = hello.get("directory", b"")
        places[directory_id(0, path)] = path.decode()
    for record in records:
        if record.get("kind") == "DIRECTORY":
            places[int(record.get("id", 0))] = record["path"].decode()

    def whole(record):
        path, parent = record.get("path", b""), int(record.get("directory", 0))
        text = path.decode("utf-8", "surrogateescape")
        if not parent:
            return text
        return places.get(parent, "<unknown>").rstrip("/") + "/" + text

    # A directory's id is that of a path recorded earlier; several rounds, since the order does not matter.
    for _ in range(4):
        for record in records:
            if "path" in record:
                places.setdefault(directory_id(int(record.get("directory", 0)), record["path"]),
                                  whole(record))
    facts, gaps = set(), set()
    for record in records:
        error = NAMES.get(int(record.get("error", 0)))
        kind = record.get("kind")
        if kind == "PATH":
            bits = int(record.get("access", 0))
            words = [name for i, name in enumerate(BITS) if bits >> i & 1]
            words += ["nofollow"] * (record.get("no_follow") == "true")
            facts.add((" ".join(sorted(words)), whole(record), outcome(error)))
        elif kind == "EXECUTE":
            facts.add(("exec", whole(record), outcome(error)))
        elif kind == "LOAD":
            facts.add((str(record.get("loaded_by", "LOADED_BY_START")), whole(record),
                       record.get("requester", b"").decode()))
        elif kind == "ENDPOINT":
            address = record["address"]
            if address[:2] == b"\x01\x00":
                facts.add((ENDPOINTS[record["endpoint"]], address[2:].split(b"\0")[0].decode(),
                           outcome(error)))
        elif kind == "GAP":
            gaps.add((record["gap"].decode(), record.get("path", b"").decode()))
    return facts, gaps

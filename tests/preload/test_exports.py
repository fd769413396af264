#!/usr/bin/env python3
"""The library exports what libc exports: all that has to be hooked, and nothing else.

The judge is readelf, over every libc at hand: this machine's, musl's, and those of other Debian suites
that an earlier test has unpacked under $BUILD/rootfs. A libc function must be hooked if its name only
differs from that of a hooked one by libc's decorations (64, _chk, _2, __, at ...)."""
import glob
import os
import re
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build")
LIBRARY = os.path.join(BUILD, "libfootprint.so")

# Named like a hooked function, but not hooked for a reason.
EXEMPT = {
    # These name no file: what their descriptor refers to was recorded when it was opened.
    "fstatfs", "fstatfs64", "fstatvfs", "fstatvfs64", "fchmod", "fchown", "futimes", "futimens", "ftruncate",
    "ftruncate64", "fgetxattr", "flistxattr", "fsetxattr", "fremovexattr",
    # Ends in the destructor and atexit handlers; the sites see its exit_group.
    "exit",
    # These walk what fts_read has already read, or read nothing.
    "fts_children", "fts64_children", "fts_close", "fts64_close", "fts_set", "fts64_set",
    # Private to libc (GLIBC_PRIVATE), for its own modules.
    "__libc_dlsym",
    # Streams over memory and descriptors.
    "fdopen", "_IO_fdopen", "fdopendir", "fmemopen", "fopencookie",
    # Internal steps of fopen and popen in glibc, with a stream that the caller has made.
    "_IO_file_fopen", "_IO_file_open", "_IO_proc_open",
}

# New in glibc 2.39; perhaps no libc here has them yet.
YOUNG = {"pidfd_spawn", "pidfd_spawnp"}

PREFIX = re.compile(r"^(_IO_|__libc_|__|_)")
SUFFIX = re.compile(r"(_chk|_2|_nocancel|_time64|64)$")

# Families beyond decorations: every libc function that matches is a sibling.
FAMILIES = re.compile(r"""^(
    exec(l|v)(e|p|pe)? | execveat | fexecve | (posix|pidfd)_spawnp? |
    (l|f)?(get|list|set|remove)xattr | l?(get|list|set|remove)xattr |
    mk(o)?stemps?(64)? | mkdtemp | tmpfile(64)? | tmpnam(_r)? | tempnam |
    (f|l)?(x)?stat(at)?(64)? | (r|v)?fork | _Fork | n?ftw(64)? | fts(64)?_(open|read) |
    scandir(at)?(64)? | glob(64)? | (n|e)?(uid)?access | send(to|msg|mmsg) | connect | bind |
    dup[23]? | close(from|_range|dir)? | fcntl(64)? | f?ch(dir|root) | dlm?open |
    (l|f)?ch(own|mod)(at)? | (l|f)?utimes?(at)? | utimensat | rename(at2?)? | _?_?exit | _Exit |
    quick_exit | shm_(open|unlink) | sem_(open|unlink) | system | popen
)$""", re.X)


def exported(path):
    """The names of functions that an object exports."""
    out = subprocess.run(["readelf", "-W", "--dyn-syms", path], check=True,
                         capture_output=True, text=True).stdout
    names = set()
    for line in out.splitlines():
        field = line.split()
        if len(field) >= 8 and field[3] in ("FUNC", "IFUNC") and field[6] != "UND" \
                and field[4] in ("GLOBAL", "WEAK"):
            names.add(field[7].split("@")[0])
    return names


def stem(name):
    while True:
        plain = SUFFIX.sub("", PREFIX.sub("", name, count=1))
        if plain == name or not plain:
            return name
        name = plain


def libcs():
    """Each libc, as a name and the objects that make it up."""
    host = subprocess.run(["gcc", "-print-file-name=libc.so.6"], check=True, capture_output=True,
                          text=True).stdout.strip()
    yield "this machine's glibc", [host]
    for musl in glob.glob("/lib/ld-musl-x86_64.so.1"):
        yield "musl", [musl]
    for root in sorted(glob.glob(os.path.join(BUILD, "rootfs", "*"))):
        folder = [f for f in glob.glob(root + "/usr/lib/x86_64-linux-gnu") +
                  glob.glob(root + "/lib/x86_64-linux-gnu") if os.path.exists(f + "/libc.so.6")]
        if folder:
            parts = ("libc.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1")
            yield os.path.basename(root), [p for p in (f"{folder[0]}/{n}" for n in parts)
                                           if os.path.exists(p)]


def main():
    ours = exported(LIBRARY)
    if len(ours) < 150:
        sys.exit(f"{LIBRARY} exports only {len(ours)} functions")
    stems = {stem(name) for name in ours}
    known, failures = set(), []
    for libc, objects in libcs():
        theirs = set().union(*map(exported, objects))
        known |= theirs
        for name in sorted(theirs - ours - EXEMPT):
            plain = stem(name)
            if plain in stems or plain + "at" in stems or plain.removesuffix("at") in stems \
                    or FAMILIES.match(name):
                failures.append(f"{libc} exports {name}, which is not hooked")
        print(f"{libc}: {len(theirs)} functions, {len(theirs & ours)} of them hooked")
    for name in sorted(ours - known - YOUNG):
        failures.append(f"{name} is exported, and is no function of any libc here")
    for name in sorted(ours & EXEMPT):
        failures.append(f"{name} is hooked, and exempt")
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

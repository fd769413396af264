"""The little of ELF and #! that says what the kernel starts besides the program itself."""

import os
import struct

PT_INTERP = 3
SHEBANG_MAX = 256  # BINPRM_BUF_SIZE
LINKERS = (b"/lib64/ld-linux-x86-64.so.2", b"/lib/ld-musl-x86_64.so.1")


def interpreter(path):
    """The PT_INTERP of a 64-bit little-endian ELF file; None: it has none, or is no such file."""
    try:
        with open(path, "rb") as file:
            return _interpreter(file)
    except OSError:
        return None


def _interpreter(file):
    head = file.read(64)
    if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
        return None
    offset, = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    for index in range(count):
        file.seek(offset + index * size)
        entry = file.read(56)
        kind, = struct.unpack_from("<I", entry, 0)
        if kind == PT_INTERP:
            start, = struct.unpack_from("<Q", entry, 8)
            length, = struct.unpack_from("<Q", entry, 32)
            file.seek(start)
            return file.read(length).rstrip(b"\0")
    return None


def shebang(path):
    """The interpreter of a script, None: it is none."""
    try:
        with open(path, "rb") as file:
            line = file.read(SHEBANG_MAX).split(b"\n", 1)[0]
    except OSError:
        return None
    if not line.startswith(b"#!"):
        return None
    words = line[2:].split(None, 1)
    return words[0] if words else None


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


# Options of ld.so that take a value, and those that make it run no program.
LINKER_VALUES = {b"--library-path", b"--preload", b"--audit", b"--argv0", b"--inhibit-rpath",
                 b"--glibc-hwcaps-mask", b"--glibc-hwcaps-prepend"}


def is_linker(path):
    """Is it a dynamic linker, which may be run as a program itself?"""
    name = os.path.basename(path)
    return name.startswith(("ld-linux", "ld-musl", "ld-2."))


def linker_program(arguments):
    """The program that `ld.so [options] PROGRAM ...` runs, None: none. arguments: strace.Text."""
    words = [argument.bytes for argument in arguments[1:]]
    while words and words[0].startswith(b"--"):
        words = words[2:] if words[0] in LINKER_VALUES else words[1:]
    return words[0] if words else None

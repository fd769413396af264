#!/usr/bin/env python3
"""Writes sites_known.def: where the sites of known libcs are, read off the files by objdump.

    preload/sites/sites_known.py FILE...  >preload/sites/sites_known.def

Each FILE is a libc or dynamic linker, named as it shall be called in a comment: NAME=PATH. A
disassembler tells instructions from data and finds every jump, so a site that is jumped into is left
out for certain here; sites_search.c, which the library uses for files that are not in the list, goes by
patterns. tests/preload/test_sites.py compares the two.
"""
import re
import subprocess
import sys

NUMBERS = {
    "open": 2, "openat": 257, "stat": 4, "lstat": 6, "newfstatat": 262, "statx": 332,
    "statfs": 137, "access": 21, "faccessat": 269, "faccessat2": 439, "readlink": 89,
    "readlinkat": 267, "execve": 59, "connect": 42, "unlink": 87, "unlinkat": 263, "rmdir": 84,
    "mkdir": 83, "link": 86, "chdir": 80, "fchdir": 81, "exit_group": 231,
}
WANTED = set(NUMBERS.values())
# The dynamic linker's alone: what it maps as code is loaded, also for libc itself, which loads NSS and
# gconv modules without passing a dlopen that could be hooked.
MMAP = 9

# Since glibc 2.33 for old programs only, whose hooks see them: they would cost pages of their own.
PUBLIC_ONLY = re.compile(r"__(x|lx|fx)stat(at)?(64)?@|chroot@|truncate@")

# What may follow `syscall`: sites_pattern.c has the bytes.
FOLLOW = [bytes.fromhex(x) for x in ("483d00f0ffff", "483d01f0ffff", "3d00f0ffff", "4889c7e8",
                                     "4189c2", "31d285c0", "5bc30f1f",
                                     "4883c4085b")]
KEPT = [6, 6, 5, 3, 3, 4, 3, 4]
# Functions that make any system call, whose number is an argument: what stands before `syscall`.
GENERAL = {6: re.compile(rb"\x48\x8b\x44\x24\x10$"), 7: re.compile(rb"\x4c\x8b\x4c\x24.(...)?$", re.S)}
GENERAL_BEFORE = 8  # bytes
LOOK_BACK = 40  # instructions


class Instruction:
    def __init__(self, address, code, text, symbol):
        self.address, self.code, self.text, self.symbol = address, code, text, symbol


def disassemble(path):
    instructions, symbol = [], ""
    listing = subprocess.run(["objdump", "-d", "--wide", "-w", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    for line in listing.splitlines():
        head = re.match(r"[0-9a-f]+ <(.*)>:", line)
        if head:
            symbol = head[1]
            continue
        m = re.match(r"\s+([0-9a-f]+):\t([0-9a-f ]+)\t?(.*)", line)
        if m:
            instructions.append(Instruction(int(m[1], 16), bytes.fromhex(m[2].replace(" ", "")),
                                            m[3].strip(), symbol))
    return instructions


def build_id(path):
    notes = subprocess.run(["readelf", "-nW", path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    return re.search(r"Build ID: ([0-9a-f]{40})", notes)[1]


def is_linker(path):
    dynamic = subprocess.run(["readelf", "-dW", path], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return re.search(r"SONAME.*\[ld-linux", dynamic) is not None


def number_before(instructions, index):
    """The number that a `syscall` is made with, None: not plain. A register may have carried it."""
    register = "eax"
    for before in instructions[index - 1:max(0, index - LOOK_BACK):-1]:
        if before.text.startswith(("ret", "jmp", "hlt")) or (
                before.text.startswith(("call", "syscall")) and register in ("eax", "r8d", "r9d")):
            return None
        m = re.match(rf"mov\s+\$0x([0-9a-f]+),%{register}$", before.text)
        if m:
            return int(m[1], 16)
        m = re.match(rf"mov\s+%(\w+),%[er]?{register[-2:]}$", before.text) if register == "eax" \
            else None
        if m:
            register = re.sub(r"^(r\d+)d?$", r"\1d", re.sub(r"^r([a-ds])", r"e\1", m[1]))
        elif re.search(rf",%[er]?{register[-2:]}$", before.text) and register == "eax":
            return None
    return None


def bytes_at(code, address, size):
    return bytes(code.get(address + i, 0x100) & 0xff for i in range(size))


def sites(path):
    instructions = disassemble(path)
    code = {i.address + n: b for i in instructions for n, b in enumerate(i.code)}
    targets = {int(m[1], 16) for i in instructions
               for m in [re.match(r"(?:j\w+|call|bnd \w+)\s+([0-9a-f]+) ", i.text)] if m}
    linker = is_linker(path)
    wanted = WANTED | {MMAP} if linker else WANTED
    mapping = None
    modern = any(i.symbol.startswith("fstatat@") for i in instructions)
    offsets, cancellable = [], None
    for index, i in enumerate(instructions):
        if i.text != "syscall":
            continue
        if bytes_at(code, i.address - 5, 8) == bytes.fromhex("4c895c24080f05c3"):
            start = index
            while instructions[start].code != b"\x8b\x07":  # mov (%rdi),%eax
                start -= 1
            cancellable = instructions[start].address
            continue
        kinds = [n for n, f in enumerate(FOLLOW) if bytes_at(code, i.address + 2, len(f)) == f]
        if not kinds or (modern and PUBLIC_ONLY.match(i.symbol)):
            continue
        if kinds[0] in GENERAL:
            if not GENERAL[kinds[0]].search(bytes_at(code, i.address - GENERAL_BEFORE, GENERAL_BEFORE)):
                continue
        else:
            number = number_before(instructions, index)
            if number not in wanted:
                continue
            mapping = i.address if number == MMAP else mapping
        end = i.address + 2 + KEPT[kinds[0]]
        if any(i.address < t < end for t in targets):
            print(f"{path}: {i.address:#x} is jumped into", file=sys.stderr)
            continue
        offsets.append(i.address)
    # A page that is written costs more than all else, so the lone sites of ld.so, which only starting
    # up passes (its search for its own preload file, $ORIGIN), are not worth it.
    if linker:
        pages = [offset >> 12 for offset in offsets]
        offsets = [offset for offset in offsets
                   if pages.count(offset >> 12) > 1 or offset == mapping]
    for i in instructions:
        if cancellable and re.match(rf"call\s+{cancellable:x} ", i.text):
            offsets.append(i.address)
    return sorted(offsets)


def main():
    print("/* Written by sites_known.py; do not edit. SITES(build-id, offsets from the base...) */")
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        identity = ", ".join("0x" + build_id(path)[i:i + 2] for i in range(0, 40, 2))
        print(f"\n/* {name} */\nSITES(ID({identity}),")
        offsets = [f"{offset:#x}" for offset in sites(path)]
        for i in range(0, len(offsets), 10):
            last = i + 10 >= len(offsets)
            print("\t" + ", ".join(offsets[i:i + 10]) + (")" if last else ","))


if __name__ == "__main__":
    main()

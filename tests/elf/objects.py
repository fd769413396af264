"""ELF objects made without a compiler: what a dynamic linker reads of them, and nothing else."""
import struct

X86_64, I386, AARCH64 = (62, 2), (3, 1), (183, 2)  # e_machine, and EI_CLASS
NODEFLIB = 0x800
DT_NULL, DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT = 0, 1, 4, 5, 6, 10, 11
DT_SONAME, DT_RPATH, DT_RUNPATH, DT_FLAGS_1 = 14, 15, 29, 0x6FFFFFFB
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_PHDR = 1, 2, 3, 6
ET_DYN, READ_WRITE = 3, 6


class Strings:
    """A string table."""

    def __init__(self):
        self.bytes = b"\0"

    def add(self, text):
        offset = len(self.bytes)
        self.bytes += text.encode() + b"\0"
        return offset


def dynamic_entries(strings, needed, soname, rpath, runpath, flags_1):
    entries = [(DT_NEEDED, strings.add(name)) for name in needed]
    for tag, text in ((DT_SONAME, soname), (DT_RPATH, rpath), (DT_RUNPATH, runpath)):
        if text is not None:
            entries.append((tag, strings.add(text)))
    return entries + ([(DT_FLAGS_1, flags_1)] if flags_1 else [])


def make(needed=(), soname=None, rpath=None, runpath=None, interpreter=None, flags_1=0,
         machine=X86_64):
    """An object's bytes. Addresses are offsets in the file; one segment holds all of it."""
    number, elf_class = machine
    wide = elf_class == 2
    header_size, segment_size, symbol_size = (64, 56, 24) if wide else (52, 32, 16)
    word = "<QQ" if wide else "<II"
    strings = Strings()
    entries = dynamic_entries(strings, needed, soname, rpath, runpath, flags_1)
    n_segments = 4 if interpreter else 3
    parts, offsets = [], []
    end = header_size + segment_size * n_segments

    def place(content):
        nonlocal end
        content += b"\0" * (-len(content) % 16)
        offsets.append(end)
        parts.append(content)
        end += len(content)

    end += -end % 16
    parts.append(b"\0" * (end - header_size - segment_size * n_segments))
    name = (interpreter or "").encode() + b"\0"
    place(name)
    place(b"\0" * symbol_size)
    place(struct.pack("<IIIII", 1, 1, 0, 0, 0))  # a hash table of one symbol, the empty one
    place(strings.bytes)
    entries += [(DT_SYMTAB, offsets[1]), (DT_SYMENT, symbol_size), (DT_HASH, offsets[2]),
                (DT_STRTAB, offsets[3]), (DT_STRSZ, len(strings.bytes)), (DT_NULL, 0)]
    dynamic = b"".join(struct.pack(word, *entry) for entry in entries)
    place(dynamic)

    def segment(kind, offset, size, alignment):
        if wide:
            return struct.pack("<IIQQQQQQ", kind, READ_WRITE, offset, offset, offset, size, size,
                               alignment)
        return struct.pack("<IIIIIIII", kind, offset, offset, offset, size, size, READ_WRITE,
                           alignment)

    segments = segment(PT_PHDR, header_size, segment_size * n_segments, 8)
    if interpreter:
        segments += segment(PT_INTERP, offsets[0], len(name), 1)
    segments += segment(PT_LOAD, 0, end, 0x1000)
    segments += segment(PT_DYNAMIC, offsets[4], len(dynamic), 8)
    header = struct.pack("<4sBBB9xHHI", b"\x7fELF", elf_class, 1, 1, ET_DYN, number, 1)
    header += struct.pack("<QQQ" if wide else "<III", 0, header_size, 0)
    header += struct.pack("<IHHHHHH", 0, header_size, segment_size, n_segments, 0, 0, 0)
    return header + segments + b"".join(parts)

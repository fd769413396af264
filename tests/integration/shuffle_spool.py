#!/usr/bin/env python3
"""Writes the entries of a spool file in another order.

    shuffle_spool.py IN OUT SEED

The layout is struct spool_entry of proto/session_memory.h, read here on its own.
"""
import random
import struct
import sys

ENTRY = struct.Struct("<QIIQQQII")
MAGICS = [int.from_bytes(magic, "little") for magic in (b"FRPTLOG3", b"mRPTLOG3")]


def entries(content):
    at = 0
    while at < len(content):
        magic, hello_size, log_size = ENTRY.unpack_from(content, at)[:3]
        if magic not in MAGICS:
            sys.exit(f"no spool entry at offset {at}")
        size = ENTRY.size + hello_size + log_size
        yield content[at : at + size]
        at += size


def main():
    source, target, seed = sys.argv[1:]
    with open(source, "rb") as file:
        found = list(entries(file.read()))
    random.Random(int(seed)).shuffle(found)
    with open(target, "wb") as file:
        file.write(b"".join(found))
    print(len(found), "entries")


main()

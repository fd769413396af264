#!/usr/bin/env python3
"""Makes fuzz/corpus/aggregator anew: what processes do that mean well, as the steps of fuzz_aggregator.c."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORPUS = os.path.join(TOP, "fuzz", "corpus", "aggregator")

STEPS = ("connect record memory hello batch small entered raw_packet raw_slot raw_piece poke_memory pool cell "
         "poke_pool spool raw_spool tick wait restart snapshot close").split()
MEMORY, ROOT, OTHER_ROOT, TABLES = 5, 1, 2, 4  # descriptors
READY, EXEC = 2, 3
PATH, EXECUTE, LOAD, ENDPOINT, DIRECTORY, GAP = 1, 2, 3, 4, 5, 6


def step(name, *arguments):
    """An argument is a number of one byte, bytes, or (a number, its size)."""
    out = bytes([STEPS.index(name)])
    for argument in arguments:
        if isinstance(argument, tuple):
            out += argument[0].to_bytes(argument[1], "little")
        else:
            out += argument if isinstance(argument, bytes) else bytes([argument])
    return out


def record(path, kind=PATH, access=1, error=0, state=READY, directory=7, number=1, prefix=0, root=0):
    entered = (1,) if directory in (5, 6) else ()
    own = (number,) if kind == DIRECTORY else ()
    prefixes = (8, prefix) if prefix else (0,)
    return step("record", state, kind, (access, 2), error, directory, *entered, *own, *prefixes, root, 1, 1, len(path), path)


def descriptors(*kinds):
    return sum(kind << 3 * i for i, kind in enumerate(kinds))


def hello(segment=0, peer=0, session=0, kinds=(MEMORY, ROOT)):
    return step("hello", peer, session, descriptors(*kinds), segment)


FACTS = (record(b"/etc/a") + record(b"/none", error=2) + record(b"link", directory=1) + record(b"/etc", number=2)
         + record(b"/bin/app", EXECUTE, state=EXEC) + record(b"/bin/link", LOAD)
         + record(b"\1\0/run/socket\0", ENDPOINT) + record(b"/etc", DIRECTORY, number=1)
         + record(b"a", prefix=1) + record(b"a", directory=0) + record(b"/bin/app", GAP)
         + record(b"later", directory=3) + record(b"/etc/x", DIRECTORY, root=4, number=2) + record(b"../a", directory=6))
TABLE = b"22 1 0:20 / / rw - ext4 /dev/a rw\n\0" + b"23 1 0:20 /etc / rw - ext4 /dev/a rw\n\0"

SEEDS = {
    "a-process": step("connect", 0) + FACTS + step("memory", 0) + hello() + step("tick") + step("wait", (2000, 2)),
    "by-value": step("connect", 0) + hello(kinds=(ROOT,)) + FACTS + step("batch", 0, 0, 0, (0, 2)) + step("tick"),
    "two-segments": step("connect", 0) + hello() + FACTS + step("memory", 0) + step("small", 0, 0, 1)
                    + hello(1, kinds=(MEMORY,)) + FACTS + step("batch", 0, 0, 1, (0, 2)) + step("snapshot"),
    "only-the-spool": FACTS + step("spool", 0, 1, 0, 0, 1, 0) + step("tick") + step("wait", (6000, 2)) + step("snapshot"),
    "spool-and-memory": step("connect", 0) + FACTS + step("memory", 0) + hello() + FACTS
                        + step("spool", 0, 0, 0, 1, 2, 0) + step("close", 0) + step("tick"),
    "a-pool": step("connect", 0) + hello() + step("pool", 0, 0) + FACTS + step("cell", 0, 1, 5, 1)
              + FACTS + step("cell", 0, 2, 9, 0) + step("tick") + step("snapshot") + step("tick"),
    "further-segment-of-a-cell": step("connect", 0) + hello() + step("pool", 0, 0) + FACTS + step("cell", 0, 1, 5, 0)
                                 + hello(1, session=1, kinds=(MEMORY,)) + FACTS + step("batch", 0, 1, 1, (0, 2)),
    "another-root": step("connect", 0) + hello()
                    + step("entered", 0, 0, (descriptors(OTHER_ROOT, TABLES), 2), 1, 0, 0, len(TABLE), TABLE)
                    + record(b"a", directory=5) + step("memory", 0) + step("tick"),
    "tables-of-no-mounts": step("connect", 0) + hello()
                           + step("entered", 0, 0, (descriptors(OTHER_ROOT, TABLES), 2), 1, 0, 0, 3, b"a\0b")
                           + record(b"a", directory=5) + step("memory", 0) + step("tick"),
    "a-supervisor": step("connect", 0) + hello() + step("small", 0, 0, 0, descriptors(3, 3)) + step("tick"),
    "somebody-else": step("connect", 0) + step("connect", 1) + hello() + hello(peer=1) + hello(peer=1, session=1)
                     + FACTS + step("batch", 1, 0, 0, (0, 2)) + step("close", 0) + step("close", 1),
    "garbage": step("connect", 0) + step("raw_packet", 0, 0, (0, 2), 3, b"abc")
               + step("raw_spool", 20, b"FRPTLOG3" + b"\xff" * 12) + hello()
               + step("poke_memory", 0, (0, 2), 8, b"\xff" * 8) + step("poke_pool", 0, 0, (0, 2), 4, b"\xff" * 4),
    "a-restart": step("connect", 0) + FACTS + step("memory", 0) + hello() + step("tick") + step("restart")
                 + step("close", 0) + step("connect", 0) + hello(kinds=(ROOT,)) + FACTS + step("batch", 0, 0, 0, (0, 2))
                 + FACTS + step("spool", 0, 1, 0, 0, 1, 0) + step("restart"),
    "unfinished": step("connect", 0) + step("raw_slot", 1, 3, b"abc") + FACTS + step("raw_piece", 4, b"\xff\xff\xff\2")
                  + step("memory", 0) + hello() + step("tick") + step("poke_memory", 0, (1024, 2), 4, b"\3\0\0\2")
                  + step("tick"),
}

HABITS = {"a-process": 7, "by-value": 8, "a-supervisor": 16, "a-pool": 4}


def main():
    os.makedirs(CORPUS, exist_ok=True)
    for name, content in SEEDS.items():
        with open(os.path.join(CORPUS, name), "wb") as file:
            file.write(bytes([HABITS.get(name, 0)]) + content)


if __name__ == "__main__":
    main()

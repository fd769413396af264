#!/usr/bin/env python3
"""preload/programs/filters.c asks for each of the library's own calls whether a filter kills for it. Its
list must have all calls that the sources make."""
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
FILTERS = TOP / "preload/programs/filters.c"
# Calls of the program, which the library makes in its place.
IN_ITS_PLACE = {"execve", "exit", "exit_group"}


def made():
    calls = set()
    for path in (TOP / "preload").rglob("*.[chS]"):
        text = path.read_text()
        calls |= set(re.findall(r"\brawcall[346]\(\s*SYS_(\w+)", text))
        calls |= set(re.findall(r'"[ai]"\(SYS_(\w+)\)', text))  # in assembly
    return calls - IN_ITS_PLACE


def listed():
    return set(re.findall(r"SYS_(\w+)", re.search(r"own_calls\[\] = \{(.*?)\};", FILTERS.read_text(), re.S)[1]))


missing, stale = sorted(made() - listed()), sorted(listed() - made())
print("%d calls; not in own_calls: %s; nowhere made: %s" % (len(listed()), missing, stale))
sys.exit(1 if missing or stale or not listed() else 0)

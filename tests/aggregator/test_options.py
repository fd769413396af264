#!/usr/bin/env python3
"""Wrong usage: status 2, and words that begin with the daemon's name, whatever it was called."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *


def called(*arguments):
    return subprocess.run(["/elsewhere/another-name", *arguments], executable=BUILD + "/footprintd",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT_SECONDS)


def refuses(arguments, *words):
    ended = called(*arguments)
    said = ended.stderr.splitlines()
    assert ended.returncode == 2, "%s: status %d" % (arguments, ended.returncode)
    assert said and all(line.startswith("footprintd: ") for line in said), said
    for word in words:
        assert word in ended.stderr, "%s: says nothing of %s: %s" % (arguments, word, said)


def words_of_getopt(daemon):
    refuses(["--nonsense"], "--nonsense")
    refuses(["-x"], "'x'")
    refuses(["--socket"], "--socket", "argument")
    refuses(["--nice=1"], "--nice", "argument")


def numbers_past_their_limits(daemon):
    for threads in ("0", "65", "-1", "two", ""):
        refuses(["--threads", threads], "--threads", "1 to 64")
    refuses(["--ready-fd", "-1"], "--ready-fd")
    refuses(["--allow-uid", "4294967295"], "--allow-uid")
    refuses(["--interval", "0"], "--interval")


def descriptors_that_are_none(daemon):
    refuses(["--ready-fd", "77"], "--ready-fd 77", "Bad file descriptor")
    for option in ("--help", "--version"):
        with open("/dev/full", "w") as full:
            ended = subprocess.run([BUILD + "/footprintd", option], stdout=full, stderr=subprocess.PIPE, text=True)
        assert ended.returncode == 2 and "No space left" in ended.stderr, (option, ended)


def numbers_at_their_limits(daemon):
    for threads in ("1", "64"):
        assert called("--threads", threads, "--version").returncode == 0


run([words_of_getopt, numbers_past_their_limits, descriptors_that_are_none, numbers_at_their_limits])

#!/usr/bin/env python3
"""What the start of a program costs, part by part (bench/starts.c): /bin/true bare, with an empty library,
and with ours off, without sites, and whole.

    bench/starts.py [--build DIR] [--rounds N] [--pin]

--pin: all on one core, and the aggregator on another; without it they go where the kernel has them."""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

import methods

COLUMNS = ["name", "median", "p10", "faults", "ratio", "ratio_low", "ratio_high", "over", "over_low",
           "over_high"]


@contextlib.contextmanager
def fresh_libraries(build):
    """Fresh copies of both libraries: depending on how a library came into the page cache, starts differ by 13 us."""
    with tempfile.TemporaryDirectory(prefix="footprint-bench.") as folder:
        os.chmod(folder, 0o755)
        for name in ("libfootprint.so", "bench/empty.so"):
            shutil.copy(f"{build}/{name}", folder)
        yield folder


def environments(libraries, variables):
    """(name, settings) in the order of the table."""
    ours = {**variables, "LD_PRELOAD": f"{libraries}/libfootprint.so"}
    return [("bare", {}),
            ("empty library", {"LD_PRELOAD": f"{libraries}/empty.so"}),
            ("ours, without a socket", {"LD_PRELOAD": ours["LD_PRELOAD"]}),
            ("ours, no sites", {**ours, "FOOTPRINT_SITES": "0"}),
            ("ours", ours)]


def run(build, rounds, pin, *options):
    """What bench/starts.c prints."""
    with fresh_libraries(build) as libraries, methods.Footprint(build, libraries) as method:
        command = [f"{build}/bench/starts", "-r", str(rounds), *options]
        if pin:
            cores = sorted(os.sched_getaffinity(0))
            method.pin(cores[-1])
            command += ["-c", str(cores[0])]
        for index, (name, settings) in enumerate(environments(libraries, method.environment)):
            command += [","] * (index > 0) + [name] + [f"{key}={value}" for key, value in settings.items()]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(build, rounds, pin):
    """The table's rows as dictionaries."""
    rows = []
    for line in run(build, rounds, pin, "-t").splitlines():
        words = line.split("\t")
        rows.append(dict(zip(COLUMNS, words[:1] + [float(word) for word in words[1:]])))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=900)
    parser.add_argument("--pin", action="store_true")
    options = parser.parse_args()
    print(run(os.path.abspath(options.build), options.rounds, options.pin), end="")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measures what watching a static program costs: ways of watching it in turn, round by round.

    bench/supervised.py [--build DIR] [--rounds N] [--seconds N] [--only TEXT] [--ways A,B]
                        [--output FILE]

Writes FILE.md and FILE.json. Exit status 1 when a bar is missed."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import methods
import report
from run import machine
from served import answers, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
OPENER = os.path.join(os.path.dirname(HERE), "tests", "supervise", "opener.c")
GO = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
WRK = ["wrk", "-t1", "-c8"]


class Supervised(methods.Footprint):
    name = "footprint"

    def __enter__(self):
        super().__enter__()
        # The library is loaded into the shell, which executes the static program.
        self.prefix = ["/bin/sh", "-c", 'exec "$0" "$@"']
        return self


class Qemu(methods.Traced):
    name, program = "qemu-user, watching nothing", "qemu-x86_64"

    def __enter__(self):
        self.prefix = ["qemu-x86_64"]
        return self

    def log(self):
        return None


class QemuStrace(Qemu):
    name = "qemu-user -strace"

    def __enter__(self):
        self.prefix = ["qemu-x86_64", "-D", self.output, "-strace"]
        return self


class Patched(methods.Footprint):
    """The same source, linked dynamically: the library redirects the system calls in its code."""

    name = "patched code (libfootprint.so)"


WAYS = [methods.Method, Supervised, methods.StraceSeccomp, methods.Strace, Qemu, QemuStrace,
        methods.Ebpf, methods.Fanotify, Patched]


class Loop:
    """A static C program that opens and closes a file over and over. Its value is the time of one round."""

    unit, bar = "us", 8.0

    def __init__(self, name, folder, path):
        self.name, self.folder, self.path = name, folder, path

    def measure(self, way, _seconds):
        program = "opener-dynamic" if isinstance(way, Patched) else "opener"
        run = subprocess.run([*way.prefix, os.path.join(self.folder, program), "20000", self.path],
                             cwd=self.folder, env={**os.environ, **way.environment}, text=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
        return int(run.stderr.split(" ns")[0].split()[-1]) / 1000


class Server:
    """A Go file server under wrk, in requests a second. The client shares the two cores with it."""

    unit, bar = "/s", 0.90

    def __init__(self, name, folder, size):
        self.name, self.folder = name, folder
        self.path = f"{size}.bin"
        with open(os.path.join(folder, self.path), "wb") as file:
            file.write(b"x" * size)

    def measure(self, way, seconds):
        if isinstance(way, (Patched, QemuStrace)):
            return None  # no Go program is dynamic (Patched), and the log of QemuStrace would fill the disk
        port = free_port()
        server = subprocess.Popen(
            [*way.prefix, os.path.join(self.folder, "fileserver"), f"127.0.0.1:{port}", self.folder],
            env={**os.environ, **way.environment}, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            methods.wait_for(lambda: answers(port), "the server")
            url = f"http://127.0.0.1:{port}/{self.path}"
            subprocess.run([*WRK, "-d1s", url], stdout=subprocess.DEVNULL, check=True)
            # What happens only once, the aggregator's work on what was opened, is over before the measurement.
            methods.wait_for(way.is_at_rest, "the aggregator to have written its manifest", 60)
            said = subprocess.run([*WRK, f"-d{seconds}s", url], capture_output=True, text=True, check=True)
        finally:
            end(server)
        return float(said.stdout.split("Requests/sec:")[1].split()[0])


def end(server):
    """Ends the server. A tracer in front of it passes no signals on, so the whole group gets them."""
    os.killpg(server.pid, 15)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, 9)
        server.wait()


def build(folder):
    for name, options in {"opener": ["-static"], "opener-dynamic": []}.items():
        subprocess.run(["gcc", "-O1", *options, "-o", os.path.join(folder, name), OPENER], check=True)
    with tempfile.TemporaryDirectory() as cache:
        subprocess.run(["go", "build", "-o", os.path.join(folder, "fileserver"),
                        os.path.join(HERE, "fileserver.go")],
                       env={**os.environ, **GO, "GOCACHE": cache, "HOME": cache}, check=True)


def workloads(folder):
    deep = os.path.join(folder, "file")
    shutil.copy("/etc/hostname", deep)
    return [Loop("open+close, absolute path", folder, deep),
            Loop("open+close, relative path", folder, "file"),
            Server("Go file server, 4 KiB", folder, 4096),
            Server("Go file server, 64 KiB", folder, 65536)]


def available(kind, options, folder):
    wanted = [name for name in options.ways.split(",") if name]
    if wanted and kind is not methods.Method and not any(kind.name.startswith(name) for name in wanted):
        return False
    return kind(options.build, folder).available()


def measure(workload, kinds, options, folder):
    values, failures = {kind.name: [] for kind in kinds}, {}
    for _ in range(options.rounds):
        for kind in kinds:
            if kind.name in failures:
                continue
            try:
                with kind(options.build, folder) as way:
                    value = workload.measure(way, options.seconds)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                failures[kind.name] = str(error).splitlines()[0][:160]
                continue
            if value is not None:
                values[kind.name].append(value)
    return values, failures


def summarise(workload, values, failures):
    """Ratios to the bare run of the same round, so that changes in the machine's load cancel out."""
    ways = {}
    for name, runs in values.items():
        if not runs:
            continue
        ratios = [run / bare for run, bare in zip(runs, values["bare"])]
        quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        ways[name] = {"median": statistics.median(runs), "ratio": statistics.median(ratios),
                      "quartiles": [quartiles[0], quartiles[2]], "runs": runs}
    ours, met = ways.get("footprint"), None
    if ours:
        met = ours["ratio"] >= workload.bar if workload.unit == "/s" else ours["ratio"] <= workload.bar
    return {"name": workload.name, "unit": workload.unit, "bar": workload.bar, "met": met, "ways": ways,
            "failures": failures}


def quantity(value, unit):
    return f"{value:,.0f}/s" if unit == "/s" else f"{value:.1f} µs"


def load_text(options):
    """The load average, which tells a reader of the figures what else the machine had to do."""
    before, after = options.loads
    return f"Its load average, with what was measured: {before:.1f} at first, {after:.1f} at the end."


def markdown(rows, options):
    lines = ["# Watching static programs", "",
             f"Made by `bench/supervised.py`, a part of `make bench`. Medians of {options.rounds} rounds, in each of "
             "which every way has its",
             "turn. Ratios are to the bare run of the same round; in brackets their quartiles. For times less is better,",
             "for requests a second more. `tests/supervise/opener.c` and `bench/fileserver.go` are what is watched;",
             f"wrk (`{' '.join(WRK)}`), server and watcher share the cores.", "",
             f"Machine: {machine()}. {load_text(options)}", ""]
    for row in rows:
        sign = "≥" if row["unit"] == "/s" else "≤"
        lines += [f"## {row['name']}", "", f"Bar: {sign} {row['bar']:.2f} of bare"
                  f"{'' if row['met'] is None else ', met' if row['met'] else ', **not met**'}.", "",
                  "| way | median | of bare |", "|---|---|---|"]
        for name, way in row["ways"].items():
            low, high = way["quartiles"]
            lines.append(f"| {name} | {quantity(way['median'], row['unit'])} | "
                         f"{way['ratio']:.2f} ({low:.2f} to {high:.2f}) |")
        lines += [f"| {name} | – | {why} |" for name, why in row["failures"].items()]
        lines.append("")
    return "\n".join(lines)


def write(rows, options):
    with open(options.output + ".md", "w", encoding="utf-8") as file:
        file.write(markdown(rows, options))
    with open(options.output + ".json", "w", encoding="utf-8") as file:
        json.dump({"machine": machine(), "rounds": options.rounds, "loads": options.loads,
                   "workloads": rows}, file, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2, help="of wrk, in each measurement")
    parser.add_argument("--only", default="", help="workloads whose name holds this text")
    parser.add_argument("--ways", default="", help="comma-separated beginnings of ways' names")
    parser.add_argument("--output", default=os.path.join(HERE, "SUPERVISED"))
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    rows, load = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="footprint-bench.") as folder:
        build(folder)
        kinds = [kind for kind in WAYS if available(kind, options, folder)]
        for workload in workloads(folder):
            if options.only not in workload.name:
                continue
            row = summarise(workload, *measure(workload, kinds, options, folder))
            rows.append(row)
            print(f"{row['name']}: " + ", ".join(
                f"{name} {quantity(way['median'], row['unit'])} ({way['ratio']:.2f})"
                for name, way in row["ways"].items()), flush=True)
            for name, why in row["failures"].items():
                print(f"{row['name']}: {name}: {why}", file=sys.stderr)
    options.loads = [load, os.getloadavg()[0]]
    write(rows, options)
    return report.exit_status(rows)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measures what being watched costs: every workload under every method, interleaved.

    bench/run.py [--build DIR] [--runs N] [--peer-runs N] [--only TEXT] [--methods A,B] [--output DIR]

Exit status 1 when a bar is missed."""

import argparse
import os
import re
import statistics
import sys
import tempfile

import figures
import methods
import report
import served
import starts
import workloads

CHEAP = (methods.Method, methods.Empty, methods.Footprint)
# Where workloads that make files have them, so that no disk affects the figures.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--runs", type=int, default=9, help="runs of each method (default 9)")
    parser.add_argument("--peer-runs", type=int, default=7, help="of the slower peers (default 7)")
    parser.add_argument("--starts", type=int, default=900, help="rounds of starts, part by part (default 900)")
    parser.add_argument("--only", default="", help="workloads whose name holds this text")
    parser.add_argument("--methods", default="", help="comma-separated beginnings of methods' names")
    parser.add_argument("--output", default="bench")
    parser.add_argument("--folder", help="where the workloads' files are (default: TMPDIR)")
    return parser.parse_args()


def chosen_methods(options):
    wanted = [name for name in options.methods.split(",") if name]
    return [kind for kind in methods.ALL
            if kind in (methods.Method, methods.Empty) or not wanted
            or any(kind.name.startswith(name) for name in wanted)]


def run_once(kind, workload, build, folder):
    with kind(build, folder) as method:
        value = workload.measure(method, build, folder)
    return value, method


def count_seen(method, marks):
    """How many of the marked files appear in what the method has left."""
    text = method.log()
    if text is None:
        return None
    folder, files = marks
    return len(set(re.findall(re.escape(folder) + r"\\?/(f\d+)\b", text)) & {f"f{i}" for i in range(files)})


def measure_served(workload, kinds, options, folder):
    """Servers all run at once, so those of methods that are not compared are not started."""
    kinds = [kind for kind in kinds if kind in CHEAP]
    values, costs = workload.measure(kinds, options.build, folder, 2 if options.runs == 1 else None)
    return values, costs, {}, {}


def measure_commands(workload, kinds, options, folder):
    """Measures the methods in turn, so that the machine's load affects all of them alike."""
    kinds = [kind for kind in kinds if workload.peers or kind.in_process]
    values, seen, failures = {kind.name: [] for kind in kinds}, {}, {}
    workload.prepare(options.build, folder)
    for turn in range(options.runs):
        # Every other turn goes backwards, so that no method always follows the same one.
        for kind in kinds if turn % 2 == 0 else reversed(kinds):
            if turn >= options.peer_runs and kind not in CHEAP:
                continue
            if kind.name in failures or not kind(options.build, folder).available():
                continue
            try:
                value, method = run_once(kind, workload, options.build, folder)
            except RuntimeError as error:
                failures[kind.name] = str(error).splitlines()[0][:160]
                continue
            values[kind.name].append(value)
            if turn == 0 and workload.marks:
                count = count_seen(method, workload.marks)
                if count is not None:
                    seen[kind.name] = count
    return values, {}, seen, failures


def measure(workload, kinds, options):
    """Values of every method, processor times of servers, what was seen, and what failed."""
    with tempfile.TemporaryDirectory(prefix="footprint-bench.",
                                     dir=MEMORY if workload.memory else options.folder) as folder:
        os.chmod(folder, 0o755)
        one_kind = measure_served if isinstance(workload, served.Served) else measure_commands
        return one_kind(workload, kinds, options, folder)


def summarise_starts(workload, values):
    """What each program that the workload starts takes beyond the empty library, in us."""
    if not workload.starts or not values.get("footprint"):
        return None
    count, bar = workload.starts
    runs = [[value * 1e6 / count for value in values[name]] for name in ("footprint", "empty library")]
    over = figures.of_differences(*runs)
    return {**over, "bar": bar, "met": figures.met(over["difference"], bar, False)}


def summarise(workload, values, costs, seen, failures):
    entries = {}
    for name, runs in values.items():
        if not runs:
            continue
        entries[name] = {"median": statistics.median(runs), **figures.of_pairs(runs, values["bare"]), "runs": runs}
        if name in costs:
            entries[name]["cost"] = figures.of_sums(costs[name], costs["bare"])
    met = None
    if workload.bar and "footprint" in entries:
        met = figures.met(entries["footprint"]["ratio"], workload.bar, workload.unit == "/s")
    return {"name": workload.name, "unit": workload.unit, "bar": workload.bar, "met": met,
            "start": summarise_starts(workload, values), "compared": workload.peers, "methods": entries, "seen": seen,
            "failures": failures, "opened": workload.marks[1] if workload.marks else None}


def machine():
    model = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    return (f"{os.cpu_count()} cores, {model.group(1) if model else 'unknown processor'}, "
            f"Linux {os.uname().release}, glibc {os.confstr('CS_GNU_LIBC_VERSION').split()[1]}")


STARTS = {"pinned": True, "not pinned": False}  # the names of bench/starts.py's two tables


def measure_starts(options):
    if options.only not in "starts":
        return {}
    tables = {name: starts.measure(options.build, options.starts, pin) for name, pin in STARTS.items()}
    for name, rows in tables.items():
        print(f"starts, {name}: " + ", ".join(f"{row['name']} {row['median']:.0f} us" for row in rows), flush=True)
    return tables


def write(rows, kinds, options, start_tables=None):
    results = {"machine": machine(), "methods": [kind.name for kind in kinds],
               "sees": {kind.name: kind.sees for kind in kinds}, "workloads": rows,
               "starts": start_tables or {}}
    os.makedirs(options.output, exist_ok=True)
    report.write(results, options.output, machine())


def main():
    options = arguments()
    options.build = os.path.abspath(options.build)
    kinds = chosen_methods(options)
    rows = []
    for workload in workloads.ALL:
        if options.only not in workload.name:
            continue
        values, costs, seen, failures = measure(workload, kinds, options)
        if not values["bare"]:
            print(f"{workload.name}: could not be run", file=sys.stderr)
            continue
        row = summarise(workload, values, costs, seen, failures)
        rows.append(row)
        print(f"{workload.name}: " + ", ".join(
            report.figures_of(name, entry) for name, entry in row["methods"].items()), flush=True)
        write(rows, kinds, options)  # after each workload, so that an interrupted run keeps its results
    write(rows, kinds, options, measure_starts(options))
    return report.exit_status(rows)


if __name__ == "__main__":
    sys.exit(main())

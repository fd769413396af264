#!/usr/bin/env python3
"""How the aggregator's cost grows: records a second against sessions, memory, manifest, show, merge and
diff against distinct paths, and its processor time for a short process.

    bench/growth.py [--build DIR] [--rounds N] [--paths N,...] [--sessions N,...] [--output DIR]

The daemon is bound to one core. Its peers are written from the specification alone (tests/aggregator/peer.py);
times are processor times, or the fastest of the rounds. Exit status 1 when a bar is missed."""

import argparse
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDS = 300000  # in all sessions together
DISTINCT = 1000  # different paths in them
SHORT_PROCESSES = 1000
HEADER_SIZE, LOG_SIZE_MAX = 64, 8 << 20
BARS = {"records_per_second": 500000, "bytes_per_path": 200, "us_per_process": 100}
PATIENCE_S = 300


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paths", default="1000,10000,100000,1000000")
    parser.add_argument("--sessions", default="1,10,100,1000,5000,9900")
    parser.add_argument("--output", default=HERE)
    return parser.parse_args()


OPTIONS = arguments()
os.environ["BUILD"] = os.path.abspath(OPTIONS.build)
sys.path.insert(0, os.path.join(HERE, "../tests/aggregator"))
import peer  # noqa: E402 (it reads BUILD)


def numbers(text):
    return [int(word) for word in text.split(",")]


# --- the daemon ----------------------------------------------------------------------------------

class Measured(peer.Daemon):
    """Runs on one core, and writes its manifests only at its end."""

    def __init__(self):
        super().__init__("--threads", "1", interval="3600", wrapper=["taskset", "-c", "0"])

    def cpu_ns(self):
        """Processor time of all its threads, which is finer than the clock ticks of /proc/PID/stat."""
        total = 0
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            with open("/proc/%d/task/%s/schedstat" % (self.process.pid, task)) as file:
                total += int(file.read().split()[0])
        return total

    def ask(self, what):
        """The present value of a counter."""
        size = os.path.getsize(self.directory + "/stderr")
        self.process.send_signal(signal.SIGUSR1)
        pattern = re.compile(r"^footprintd: %s: (\d+)$" % re.escape(what), re.M)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            with open(self.directory + "/stderr", errors="replace") as file:
                file.seek(size)
                text = file.read()
            found = pattern.search(text)
            if found and "times out of descriptors" in text:
                return int(found.group(1))
            time.sleep(0.01)
        raise RuntimeError("the daemon does not answer")

    def wait_for(self, what, count):
        end = time.monotonic() + PATIENCE_S
        while self.ask(what) < count:
            if time.monotonic() > end:
                raise RuntimeError("%s: never %d" % (what, count))
            time.sleep(0.2)

    def wait_for_rest(self):
        """Waits until it only looks once a second whether there is something new."""
        before = self.cpu_ns()
        while True:
            time.sleep(1.5)
            now = self.cpu_ns()
            if now - before < 50e6:
                return
            before = now


def without_logs(hello, log_size):
    """The bytes of a session memory with an empty log of this size."""
    offset = HEADER_SIZE + len(hello) + -len(hello) % 8
    return peer.memory(b"", hello, size=offset + log_size + 8), offset


def logs_of(count, name, access=peer.READ, size_max=LOG_SIZE_MAX):
    """`count` records as logs, each within the maximum size, for as many segments."""
    logs, log = [], bytearray()
    for i in range(count):
        slot = peer.slot(peer.path(name(i), access))
        if len(log) + len(slot) > size_max:
            logs.append(bytes(log))
            log = bytearray()
        log += slot
    return logs + [bytes(log)]


# --- records against sessions --------------------------------------------------------------------

def connect(daemon):
    """Connects; tries again if the daemon's backlog is full, since thousands connect at once."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return peer.connect(daemon)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def hold_sessions(daemon, count, logs, told, go):
    """Runs in a child: holds sessions, and writes their logs when it is told to."""
    held = []
    for _ in range(count):
        session = os.urandom(16)
        connection = None
        for number, log in enumerate(logs):
            hello = peer.hello(session, segment=number, started=time.time_ns())
            memory, offset = without_logs(hello, len(log))
            connection = connection or connect(daemon)
            peer.say_hello(connection, hello, [memory])
            held.append((memory, offset, log))
        held.append((connection, None, None))
    os.write(told, b"x")
    os.read(go, 1)
    for memory, offset, log in held:
        if log:
            os.pwrite(memory, log, offset)
    os.write(told, b"x")
    os.read(go, 1)
    os._exit(0)


class Holders:
    """Holds sessions in processes of their own, because the descriptors of a process are limited."""

    EACH = 5000

    def __init__(self, daemon, sessions, logs):
        self.told, told = os.pipe()
        go, self.go = os.pipe()
        self.children = []
        while sessions:
            count = min(sessions, self.EACH)
            sessions -= count
            child = os.fork()
            if not child:
                try:
                    os.close(self.go)
                    hold_sessions(daemon, count, logs, told, go)
                finally:
                    os._exit(1)
            self.children.append(child)
        os.close(told)
        os.close(go)
        self.hear()

    def hear(self):
        for _ in self.children:
            if os.read(self.told, 1) != b"x":
                raise RuntimeError("a holder of sessions failed")

    def write_logs(self):
        os.write(self.go, b"x" * len(self.children))
        self.hear()

    def end(self):
        os.write(self.go, b"x" * len(self.children))
        for child in self.children:
            os.waitpid(child, 0)


def records_per_second(sessions):
    each = max(1, RECORDS // sessions)
    logs = logs_of(each, lambda i: "/etc/growth/%d" % (i % DISTINCT))
    daemon = Measured()
    try:
        holders = Holders(daemon, sessions, logs)
        daemon.wait_for("sessions", sessions)
        daemon.wait_for_rest()
        before = daemon.cpu_ns()
        holders.write_logs()
        daemon.wait_for("records", each * sessions)
        spent = daemon.cpu_ns() - before
        memory = daemon.memory_kib("VmRSS")
        holders.end()
        return {"sessions": sessions, "records_per_second": each * sessions / spent * 1e9,
                "daemon_kib": memory}
    finally:
        daemon.remove()


# --- cost against paths --------------------------------------------------------------------------

def timed(*command):
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode > 1:
        raise RuntimeError("%s: %s" % (command[1], done.stderr.decode()[-200:]))
    return time.monotonic() - started


def manifest_of(count, first, name):
    """The daemon's memory for so many distinct paths (of files, for they are written), and the seconds
    its end took: all of it is the writing of the manifest. `name`: where the manifest is to stay."""
    path = "/growth/of/manifests/with/paths/file-%08d"
    logs = logs_of(count, lambda i: path % (first + i), peer.WRITE)
    daemon = Measured()
    try:
        holders = Holders(daemon, 1, [peer.slot(peer.path("/growth", error=0))])
        holders.write_logs()
        daemon.wait_for_rest()
        before = daemon.memory_kib("VmRSS")
        holders.end()
        holders = Holders(daemon, 1, logs)
        holders.write_logs()
        daemon.wait_for("records", 1 + count)
        daemon.wait_for_rest()
        grown = daemon.memory_kib("VmRSS") - before
        holders.end()
        daemon.wait_for_rest()
        started = time.monotonic()
        if daemon.process.send_signal(signal.SIGTERM) or daemon.process.wait(PATIENCE_S):
            raise RuntimeError("the daemon failed: " + daemon.stderr()[-300:])
        written = time.monotonic() - started
        os.rename(daemon.manifests + "/app@1.footprint", name)
        return grown * 1024 / count - len(path % 0), written
    finally:
        daemon.remove()


def cost_of_paths(count, folder):
    footprint = os.environ["BUILD"] + "/footprint"
    one, other, out = (folder + "/" + name for name in ("one.footprint", "other.footprint",
                                                         "out.footprint"))
    beyond, written = manifest_of(count, 0, one)
    manifest_of(count, count // 10, other)  # of which a tenth differs
    fastest = {"write_s": written}
    for _ in range(OPTIONS.rounds):
        for what, command in (("show_s", ["show", one]), ("diff_s", ["diff", one, other]),
                              ("merge_s", ["merge", "-o", out, one, other])):
            seconds = timed(footprint, *command)
            fastest[what] = min(seconds, fastest.get(what, seconds))
    return {"paths": count, "bytes_per_path": beyond, "file_bytes": os.path.getsize(one), **fastest}


# --- short processes -----------------------------------------------------------------------------

def us_per_process():
    daemon = Measured()
    try:
        environment = {**os.environ, "LD_PRELOAD": os.environ["BUILD"] + "/libfootprint.so",
                       "FOOTPRINT_SOCKET": daemon.socket, "FOOTPRINT_APP": "app",
                       "FOOTPRINT_VERSION": "1"}

        def some():
            subprocess.run(["bash", "-c", "for ((i = 0; i < %d; i++)); do /bin/true; done"
                            % SHORT_PROCESSES], env=environment, check=True)
            daemon.wait_for_rest()

        some()
        before = daemon.cpu_ns()
        some()
        return (daemon.cpu_ns() - before) / 1000 / SHORT_PROCESSES
    finally:
        daemon.remove()


# --- the report ----------------------------------------------------------------------------------

def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return "%s, %d cores, Linux %s" % (model.group(1) if model else os.uname().machine, os.cpu_count(),
                                       os.uname().release)


def verdicts(results):
    most = max(results["paths"], key=lambda row: row["paths"])
    return [
        ("records a second of one core, %d sessions" % row["sessions"], row["records_per_second"],
         "≥", BARS["records_per_second"]) for row in results["sessions"]
    ] + [
        ("bytes a distinct path beyond the path itself, %d paths" % most["paths"],
         most["bytes_per_path"], "≤", BARS["bytes_per_path"]),
        ("us of the daemon's processor time a short process", results["us_per_process"], "≤",
         BARS["us_per_process"]),
    ]


def met(verdict):
    _, value, relation, bar = verdict
    return value >= bar if relation == "≥" else value <= bar


def markdown(results):
    lines = ["# Growth", "",
             "Made by `make bench-growth`. The daemon is bound to one core; records a second and the cost of a",
             "process are by its processor time, the tools' times the fastest of the rounds.", "",
             f"Machine: {results['machine']}.", "", "| what | value | bar | met |", "|---|---|---|---|"]
    for verdict in verdicts(results):
        what, value, relation, bar = verdict
        lines.append(f"| {what} | {value:,.0f} | {relation} {bar:,} | {'yes' if met(verdict) else '**no**'} |")
    lines += ["", "## Against sessions at a time", "",
              f"{RECORDS:,} records in all, over {DISTINCT:,} distinct paths.", "",
              "| sessions | records/s | daemon, MiB |", "|---|---|---|"]
    lines += [f"| {row['sessions']:,} | {row['records_per_second']:,.0f} | {row['daemon_kib'] / 1024:,.0f} |"
              for row in results["sessions"]]
    lines += ["", "## Against distinct paths", "",
              "Memory is what the daemon grew by, less the paths, which are of files that are written (they have no",
              "digest). Of few paths it is mostly queues and what is remembered of 32,768 paths at most. Writing is",
              "the daemon's whole end. Diff and merge are of two manifests that differ in a tenth.",
              "", "| paths | bytes a path | manifest, KiB | write, s | show, s | merge, s | diff, s |",
              "|---|---|---|---|---|---|---|"]
    lines += [f"| {row['paths']:,} | {row['bytes_per_path']:,.0f} | {row['file_bytes'] / 1024:,.0f} | "
              f"{row['write_s']:.2f} | {row['show_s']:.2f} | {row['merge_s']:.2f} | {row['diff_s']:.2f} |"
              for row in results["paths"]]
    return "\n".join(lines) + "\n\n![chart](growth.svg)\n"


def svg(results):
    """Seconds against paths, both logarithmic, so that linear growth is a straight line."""
    rows, left, top, width, height = results["paths"], 60, 40, 520, 300
    series = {"write_s": ("write", "#1a73e8"), "show_s": ("show", "#e8710a"),
              "merge_s": ("merge", "#12a4af"), "diff_s": ("diff", "#9334e6")}
    x_low, x_high = (math.log10(rows[i]["paths"]) for i in (0, -1))
    values = [max(row[name], 1e-3) for row in rows for name in series]
    y_low, y_high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x_of(paths):
        return left + width * (math.log10(paths) - x_low) / max(x_high - x_low, 1e-9)

    def y_of(seconds):
        return top + height * (y_high - math.log10(max(seconds, 1e-3))) / max(y_high - y_low, 1)

    parts = []
    for power in range(y_low, y_high + 1):
        y = y_of(10 ** power)
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0 ** power:g} s</text>')
    for row in rows:
        parts.append(f'<text x="{x_of(row["paths"]):.0f}" y="{top + height + 16}" text-anchor="middle">'
                     f'{row["paths"]:,}</text>')
    for index, (name, (label, colour)) in enumerate(series.items()):
        points = " ".join(f"{x_of(row['paths']):.1f},{y_of(row[name]):.1f}" for row in rows)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{left + 10 + index * 80}" y="{top + height + 36}" fill="{colour}">{label}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 40}" height="{top + height + 50}" '
            'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
            '<text x="10" y="22" font-size="15">Seconds against distinct paths</text>' + "".join(parts) + "</svg>\n")


def write(results):
    os.makedirs(OPTIONS.output, exist_ok=True)
    for name, text in (("growth.json", json.dumps(results, indent=1) + "\n"),
                       ("GROWTH.md", markdown(results)), ("growth.svg", svg(results))):
        with open(os.path.join(OPTIONS.output, name), "w") as file:
            file.write(text)


def main():
    results = {"machine": machine(), "sessions": [], "paths": []}
    results["us_per_process"] = statistics.median(us_per_process() for _ in range(OPTIONS.rounds))
    print("a short process: %.0f us" % results["us_per_process"], flush=True)
    for sessions in numbers(OPTIONS.sessions):
        rounds = [records_per_second(sessions) for _ in range(OPTIONS.rounds)]
        results["sessions"].append(sorted(rounds, key=lambda row: row["records_per_second"])[len(rounds) // 2])
        print(results["sessions"][-1], flush=True)
    with tempfile.TemporaryDirectory(prefix="growth.") as folder:
        for count in numbers(OPTIONS.paths):
            results["paths"].append(cost_of_paths(count, folder))
            print(results["paths"][-1], flush=True)
    write(results)
    missed = [verdict for verdict in verdicts(results) if not met(verdict)]
    for verdict in missed:
        print("missed: %s: %.0f" % verdict[:2])
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

"""Servers: requests a second of one that is watched, asked by a client that is not.

The servers of all methods are started once, each on a port and in a folder of its own, and asked in turn
in many short bursts, in an order drawn anew for each round. So the machine's load, which changes within
seconds, affects all of them alike. What happens only once (the start, the first requests, and the
aggregator's work on what they opened) is over before the first burst that counts."""

import contextlib
import os
import pwd
import random
import re
import signal
import socket
import subprocess

from methods import wait_for

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Served:
    unit = "/s"
    peers, memory, marks, starts = False, False, None, None
    rounds = 40

    def __init__(self, name, server, client, rate, count, bar, setup="", ready="", stop=signal.SIGTERM, user=None):
        """`setup` runs in the folder before the server, `ready` once it answers, `client` is a burst.
        `rate` finds the rate in what the client prints, `count` the requests, or is their number."""
        self.name, self.bar = name, bar
        self.server, self.client, self.setup, self.ready = server, client, setup, ready
        self.rate, self.count, self.stop, self.user = rate, count, stop, user

    def measure(self, kinds, build, folder, rounds):
        """Rates and costs, by the methods' names; a cost is (seconds of processor time, requests)."""
        rates, costs = {kind.name: [] for kind in kinds}, {kind.name: [] for kind in kinds}
        with contextlib.ExitStack() as stack:
            runs = []
            for number, kind in enumerate(kinds):
                method = stack.enter_context(kind(build, folder))
                runs.append((kind.name, method, stack.enter_context(Running(self, method, f"{folder}/{number}"))))
            for _, method, running in runs:
                running.burst()
                wait_for(method.is_at_rest, f"{self.name}: the aggregator to have written its manifest", 60)
            for _ in range(rounds or self.rounds):
                random.shuffle(runs)
                for name, _, running in runs:
                    rate, spent, count = running.burst()
                    rates[name].append(rate)
                    costs[name].append((spent, count))
        return rates, costs


class Running:
    """One server of a workload, under one method."""

    def __init__(self, served, method, folder):
        self.served, self.method, self.folder, self.port = served, method, folder, free_port()

    def fill_in(self, text):
        return text.replace("@DIR@", self.folder).replace("@PORT@", str(self.port))

    def shell(self, text):
        return subprocess.run(["sh", "-ec", self.fill_in(text)], cwd=self.folder, capture_output=True,
                              check=True).stdout.decode()

    def __enter__(self):
        served, user = self.served, {}
        os.mkdir(self.folder, 0o755)
        self.shell(served.setup)
        if served.user:
            subprocess.run(["chown", "-R", served.user, self.folder], check=True)
            entry = pwd.getpwnam(served.user)
            user = {"user": entry.pw_uid, "group": entry.pw_gid}
        self.process = subprocess.Popen(
            self.method.prefix + ["sh", "-c", "exec " + self.fill_in(served.server)],
            env={**os.environ, **self.method.environment}, cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **user)
        try:
            wait_for(lambda: answers(self.port), f"{served.name}: port {self.port}")
            self.shell(served.ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(self.served.stop)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.served.name}: does not end within 30 s") from None

    def burst(self):
        """Rate, seconds of the server's processor time, and requests."""
        before = processor_time(self.process.pid)
        text = self.shell(self.served.client)
        spent = processor_time(self.process.pid) - before
        found, count = re.search(self.served.rate, text), self.served.count
        if not found:
            raise RuntimeError(f"{self.served.name}: no rate in: {text[-300:]}")
        if not isinstance(count, int):
            count = int(re.search(count, text).group(1))
        return float(found.group(1)), spent, count


def processor_time(pid):
    """Seconds of a process, of its children, and of those that they have waited for."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            words = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(word) for word in words[11:15]) * TICK + sum(processor_time(child) for child in children)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

#!/usr/bin/env python3
"""The recorder alone: what a program has recorded is what an independent aggregator reads, whatever
happens to the program, the aggregator and the machine."""
# time-limit: 240

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recorder_receiver as wire  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(wire.TOP, "build")))
RECORDER = ("text path_hash places encode entry symbols memory seen directories facts held pointers prefixes rings session connection entered "
            "spool spool_file hello loaded library_search preloads image sites_object recorder program "
            "programs processes pool pool_enter reserve start").split()
TIMEOUT = 100  # seconds: longer than any client takes on a busy machine
THREADS, CHILDREN = 8, 6
SUN_PATH_SIZE = 108  # unix(7)
tests = []


def test(function):
    tests.append(function)
    return function


def of_glibc(function):
    """A test that tells nothing more with musl: it takes long, or asks something of glibc."""
    function.of_glibc = True
    return function


def build_client(folder, compiler="gcc"):
    client = os.path.join(folder, "recorder_client_" + compiler)
    objects = [wire.object_of(next(Path(wire.TOP, "preload").rglob(name + ".c")), BUILD) for name in RECORDER]
    command = [compiler, "-g", "-O2", "-I", wire.TOP, "-o", client,
               os.path.join(wire.TOP, "tests/preload/recorder_client.c"), *objects]
    subprocess.run(command + ([] if compiler == "musl-gcc" else ["-pthread"]), check=True)
    return client


class Case:
    """A folder with a socket and a spool, and how to run a client against them."""

    def __init__(self, client, listening=True, **receiver):
        self.client = client
        self.folder = tempfile.TemporaryDirectory()
        self.spool = os.path.join(self.folder.name, "spool")
        self.socket = os.path.join(self.folder.name, "aggregator.sock")
        os.mkdir(self.spool, 0o1777)
        self.receiver = wire.Receiver(self.socket, **receiver) if listening else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.receiver:
            self.receiver.close()
        self.folder.cleanup()

    def environment(self):
        return {"PATH": os.environ["PATH"], "FOOTPRINT_SOCKET": self.socket, "FOOTPRINT_APP": "test"}

    def start(self, *arguments, **options):
        return subprocess.Popen([self.client, *map(str, arguments)], env=self.environment(),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **options)

    def run(self, *arguments, status=0, told=None, **options):
        process = self.start(*arguments, **options)
        output, errors = process.communicate(told, timeout=TIMEOUT)
        assert process.returncode == status, (process.returncode, errors)
        assert errors == b"", errors
        return output

    def records(self):
        self.receiver.wait_ended()
        return self.receiver.records()

    def spooled(self):
        return wire.spooled_records(self.spool)


def paths(records, access=512):
    return [r["path"].decode() for r in records
            if r.get("kind") == "PATH" and r.get("access") == access]


def made(records):
    """The facts of a client; checks that each is complete."""
    return sorted(p for p in paths(records) if p.startswith("/made/"))


def numbered(scenario, count, *who):
    return sorted("/made/%s/%s/%d" % (scenario, w, i) for w in who for i in range(count))


@test
def each_fact_is_recorded_once(client):
    with Case(client) as case:
        case.run("plain", 200)
        assert made(case.records()) == numbered("plain", 200, "main")
        header = case.receiver.memories[0].header()
        assert (header["processes"], header["users"], header["lost"]) == (1, 0, 0), header


@test
def hello_names_the_process(client):
    with Case(client) as case:
        process = case.start("steps", 1, cwd="/usr/bin")
        process.stdout.readline()
        process.communicate(b"xx", timeout=TIMEOUT)
        case.receiver.wait_ended()
        hello, = case.receiver.hellos()
        assert os.path.realpath(hello["executable"]) == client.encode(), hello
        assert (hello["pid"], hello["parent_pid"]) == (process.pid, os.getpid()), hello
        assert hello["directory"] == b"/usr/bin" and hello["application"] == b"test", hello
        assert hello["host"] == os.uname().nodename.encode(), hello
        root = os.stat("/")
        assert (hello["root_device"], hello["root_inode"]) == (root.st_dev, root.st_ino), hello
        birth = subprocess.run(["stat", "-c", "%W", "/"], stdout=subprocess.PIPE, check=True).stdout
        assert hello.get("root_birth_ns", 0) // 10 ** 9 == int(birth), hello
        assert len(hello["session"]) == 16 and hello["protocol"] == 2
        assert wire.decode(3, [case.receiver.memories[0].hello()]) == [hello]
        assert [os.path.samestat(os.fstat(fd), root) for fd in case.receiver.roots] == [True]


@test
@of_glibc
def objects_are_those_that_ldd_names(client):
    with Case(client) as case:
        case.run("plain", 1)
        loaded = {r["path"] for r in case.records() if r["kind"] == "LOAD"}
    output = subprocess.run(["ldd", client], stdout=subprocess.PIPE, check=True).stdout
    named = {line.split(b"=>")[-1].split(b" (")[0].strip() for line in output.splitlines()
             if b"vdso" not in line}
    assert {os.path.realpath(p) for p in loaded} == {os.path.realpath(p) for p in named}, loaded


@test
def threads_lose_and_tear_nothing(client):
    with Case(client) as case:
        case.run("threads", 3000)
        found = made(case.records())
    own = numbered("threads", 3000, *("thread%d" % i for i in range(THREADS)))
    assert [p for p in found if "/all/" not in p] == own
    # Two threads may record the same fact at the same instant, but must not lose it.
    assert sorted({p for p in found if "/all/" in p}) == numbered("threads", 3000, "all")


@test
def forks_share_one_memory(client):
    with Case(client) as case:
        case.run("forks", 500)
        found = made(case.records())
        children = ["child%d" % i for i in range(CHILDREN)]
        assert [p for p in found if "/all/" not in p] == \
            numbered("forks", 500, "parent", *children)
        assert sorted({p for p in found if "/all/" in p}) == numbered("forks", 500, "all")
        assert len(case.receiver.memories) == 1
        header = case.receiver.memories[0].header()
        # The killed child has not said goodbye.
        assert (header["processes"], header["users"]) == (1 + CHILDREN, 1), header


@test
def a_fork_that_fails_leaves_the_process_the_last(client):
    with Case(client) as case:
        case.run("failed-fork", 20)
        assert made(case.records()) == numbered("failed-fork", 20, "parent")
        header = case.receiver.memories[0].header()
        assert (header["processes"], header["users"]) == (1, 0), header


@test
def last_process_of_an_image_spools(client):
    with Case(client, listening=False) as case:
        case.run("orphan", 20)
        while len(made(case.spooled())) < 20:
            pass
        assert made(case.spooled()) == numbered("orphan", 20, "orphan")


@test
def signal_handlers_record(client):
    with Case(client) as case:
        taken = int(case.run("signals", 300))
        found = made(case.records())
        assert [p for p in found if "/handler/" in p] == numbered("signals", taken, "handler")


@test
def killed_process_loses_nothing(client):
    with Case(client) as case:
        case.run("killed", 400, status=-signal.SIGKILL)
        assert made(case.records()) == numbered("killed", 400, "main")


@test
def killed_process_without_aggregator_loses_nothing(client):
    with Case(client, listening=False) as case:
        case.run("killed", 50, status=-signal.SIGKILL)
        assert made(case.spooled()) == numbered("killed", 50, "main")


@test
@of_glibc
def killed_threads_leave_whole_records(client):
    for _ in range(10):
        with Case(client) as case:
            case.run("killed-in-threads", 100000, status=-signal.SIGKILL)
            found = made(case.records())
            per_thread = {}
            for path in found:
                _, _, _, who, number = path.split("/")
                per_thread.setdefault(who, set()).add(int(number))
            for who, numbers in per_thread.items():
                # Everything before a thread's last fact is there, except for one that was being written.
                if who != "all":
                    assert numbers == set(range(len(numbers))), who


@test
@of_glibc
def full_segments_are_followed_by_others(client):
    with Case(client) as case:
        case.run("plain", 150000)
        found = made(case.records())
        # When its largest level is full, the seen table forgets some facts, which are then recorded twice.
        assert sorted(set(found)) == numbered("plain", 150000, "main")
        assert len(found) < 160000, len(found)
        numbers = sorted(hello.get("segment", 0) for hello in case.receiver.hellos())
        assert numbers == list(range(len(case.receiver.memories))) and len(numbers) > 1, numbers
        assert len({hello["session"] for hello in case.receiver.hellos()}) == 1


@test
def a_known_fact_behind_a_row_of_new_ones_comes_twice_at_most(client):
    with Case(client) as case:
        case.run("rows", 30000)
        found = made(case.records())
        assert sorted(set(found)) == sorted(numbered("rows", 30000, "main") + numbered("rows", 10000, "row"))
        # The first fact of each of the 500 sequences: the last level of the seen table takes it for another
        # new one.
        assert len(found) - len(set(found)) <= 500, len(found)


@test
def long_names_of_directories_are_said_once(client):
    """Whatever the paths look like, and whoever makes them, they come out as they went in."""
    folders = ["/made/one folder/here", "/made/two//slashes", "/made/./dot/", "/made/up/../and/down", "/m", "",
               "/made/" + "l" * 121, "/made/" + "m" * 122, "/made/n/" + "o" * 200, "/made/deep/er/and/deep/er",
               "/made/deep/er/and", "/made/slash//", "relative/to/somewhere", "/made/\xff\xfe bytes/here"]
    names = ["%d", "%d/", "%d.so.1", "/%d", "%d/x/y", "."]
    rows = [[folder + "/" + name.replace("%d", str(i)) for name in names for i in range(15)]
            for folder in folders]
    mixed = [row[i % len(row)] for i in range(500) for row in rows]
    lines = [line for row in rows for line in row] + ["fork"] + [line + "+" for line in mixed]
    expected = set(lines) - {"fork"}
    with Case(client) as case:
        case.run("told", told="\n".join(lines).encode("latin-1"))
        records = case.records()
    found = {record["path"].decode("latin-1") for record in records
             if record.get("kind") == "PATH" and record.get("access") == 512} - {"/etc/ld.so.preload"}
    assert found == expected, sorted(found ^ expected)[:10]


@test
@of_glibc
def numbers_of_directories_are_given_in_each_segment(client):
    """One segment may reach the aggregator by value, and the one before it much later by the spool."""
    with Case(client) as case:
        case.run("plain", 150000)
        for memory in case.receiver.memories:
            records = wire.decode(1, [payload for _, _, payload in memory.slots()])
            given = {record["id"] for record in records if record["kind"] == "DIRECTORY"}
            used = {record["prefix"] for record in records if "prefix" in record}
            assert used and used <= given, (used, given)
        assert len(case.receiver.memories) > 1


@test
@of_glibc
def numbers_of_directories_run_out(client):
    """Later directories are recorded with each of their files."""
    lines = ["/made/folders/%d/%d" % (folder, i) for folder in range(4200) for i in range(9)]
    with Case(client) as case:
        case.run("told", told="\n".join(lines).encode())
        assert made(case.records()) == sorted(lines)
        slots = [payload for memory in case.receiver.memories for _, _, payload in memory.slots()]
    numbers = {record["id"] for record in wire.decode(1, slots) if record["kind"] == "DIRECTORY"}
    assert {number for number in numbers if number < 1 << 32} == set(range(1, 4097))


@test
@of_glibc
def acknowledged_segments_are_given_back(client):
    with Case(client) as case:
        process = case.start("growing", 135000)
        found = []
        for _ in range(3):
            process.stdout.readline()
            case.receiver.settle()
            found += made(case.receiver.records())
            for memory in case.receiver.memories:
                memory.acknowledge(memory.end())
            process.stdin.write(b"x")
            process.stdin.flush()
        process.communicate(timeout=TIMEOUT)
        assert sorted(set(found)) == numbered("growing", 135000, "step0", "step1", "step2")
        assert len(case.receiver.memories) > 3
        used = sum(os.fstat(memory.fd).st_blocks * 512 for memory in case.receiver.memories)
        assert used < 12 << 20, used
        assert made(case.spooled()) == []


@test
def an_aggregator_that_leaves_is_not_relied_upon(client):
    """It holds the memories, and has said that it reads them no more: each record is in the spool before the call
    returns, those of a further segment, too."""
    with Case(client) as case:
        process = case.start("growing", 12000)
        process.stdout.readline()
        case.receiver.settle()
        for memory in case.receiver.memories:
            memory.acknowledge(wire.MEMORY_LEFT)
        process.stdin.write(b"x")
        process.stdin.flush()
        process.stdout.readline()
        process.kill()
        process.communicate(timeout=TIMEOUT)
        assert len(case.receiver.memories) == 1
        assert sorted(set(made(case.spooled()))) == numbered("growing", 12000, "step1")


@test
@of_glibc
def a_log_is_given_back_while_a_thread_writes_to_it(client):
    with Case(client) as case:
        case.run("released", 2000)


@test
def a_cell_begins_with_what_the_parent_has_said(client):
    with Case(client) as case:
        case.run("cell", 1)


@test
def without_an_aggregator_records_are_spooled(client):
    with Case(client, listening=False) as case:
        case.run("plain", 100)
        assert made(case.spooled()) == numbered("plain", 100, "main")
        name, = os.listdir(case.spool)
        status = os.stat(os.path.join(case.spool, name))
        assert name == "records.%d" % os.geteuid() and status.st_mode & 0o7777 == 0o600


@test
def log_says_that_nobody_answers_unless_it_is_off(client):
    for log, told in (None, False), ("", False), ("0", False), ("1", True):
        with Case(client, listening=False) as case:
            environment = dict(case.environment(), **({} if log is None else {"FOOTPRINT_LOG": log}))
            done = subprocess.run([client, "plain", "1"], env=environment, capture_output=True,
                                  check=True, timeout=TIMEOUT)
            assert (b": no aggregator answers: errno " in done.stderr) == told, (log, done.stderr)
            assert told or done.stderr == b"", (log, done.stderr)


@test
def log_says_once_that_the_spool_takes_nothing(client):
    with Case(client, listening=False) as case:
        environment = dict(case.environment(), FOOTPRINT_LOG="1", FOOTPRINT_SPOOL="/proc/none")
        done = subprocess.run([client, "plain", "100"], env=environment, capture_output=True,
                              check=True, timeout=TIMEOUT)
        assert done.stderr.count(b": the spool takes nothing: errno ") == 1, done.stderr


@test
def what_is_not_acknowledged_is_spooled_and_no_more(client):
    with Case(client) as case:
        process = case.start("steps", 10)
        process.stdout.readline()
        case.receiver.wait_for(lambda: case.receiver.memories)
        case.receiver.memories[0].acknowledge()
        process.communicate(b"xx", timeout=TIMEOUT)
        assert made(case.spooled()) == numbered("steps", 10, "between", "after")


@test
def late_aggregator_gets_everything(client):
    with Case(client, listening=False) as case:
        process = case.start("steps", 20)
        process.stdout.readline()
        case.receiver = wire.Receiver(case.socket)
        wait_a_look()
        process.communicate(b"xx", timeout=TIMEOUT)
        assert made(case.records()) == numbered("steps", 20, "before", "between", "after")


@test
def restarted_aggregator_gets_everything(client):
    with Case(client) as case:
        process = case.start("steps", 20)
        process.stdout.readline()
        case.receiver.wait_for(lambda: case.receiver.memories)
        case.receiver.close()
        os.unlink(case.socket)
        case.receiver = wire.Receiver(case.socket)
        wait_a_look()
        process.communicate(b"xx", timeout=TIMEOUT)
        assert made(case.records()) == numbered("steps", 20, "before", "between", "after")


@test
def numbers_of_directories_are_given_to_another_aggregator(client):
    """It may not know any more what an earlier one has acknowledged."""
    with Case(client) as case:
        process = case.start("resumed", 200)
        process.stdout.readline()
        case.receiver.wait_for(lambda: case.receiver.memories)
        case.receiver.memories[0].acknowledge()
        case.receiver.close()
        os.unlink(case.socket)
        case.receiver = wire.Receiver(case.socket)
        wait_a_look()
        process.communicate(b"x", timeout=TIMEOUT)
        assert made(case.records()) == sorted("/made/resumed/all/%d" % i for i in range(200, 400))


@test
def stopped_aggregator_delays_nothing(client):
    with Case(client, accepting=False) as case:
        case.run("plain", 50000)
        assert sorted(set(made(case.spooled()))) == numbered("plain", 50000, "main")


@test
def full_backlog_delays_nothing(client):
    with Case(client, accepting=False, backlog=0) as case:
        waiting = []
        try:
            while True:
                peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
                waiting.append(peer)
                peer.connect(case.socket)
        except BlockingIOError:
            pass
        case.run("plain", 100)
        assert made(case.spooled()) == numbered("plain", 100, "main")
        for peer in waiting:
            peer.close()


@test
def small_file_size_limit_kills_nobody(client):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    with Case(client) as case:
        case.run("plain", 300, preexec_fn=limit)
        assert not case.receiver.memories
        assert made(case.records()) == numbered("plain", 300, "main")
    with Case(client, listening=False) as case:
        case.run("plain", 10, preexec_fn=limit)


@test
def small_descriptor_limit_is_respected(client):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    with Case(client) as case:
        case.run("plain", 10, preexec_fn=limit)
        assert made(case.records()) == numbered("plain", 10, "main")

    def none_left():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    with Case(client) as case:
        process = subprocess.run(["prlimit", "--nofile=4:4", client, "plain", "10"],
                                 env=case.environment(), stderr=subprocess.PIPE)
        assert (process.returncode, process.stderr) == (0, b""), process


@test
def replaced_descriptor_is_not_written_to(client):
    with Case(client) as case:
        process = case.start("closed", 50)
        process.stdout.readline()
        wait_a_look()
        process.communicate(b"x", timeout=TIMEOUT)
        assert process.returncode == 0
        assert sorted(set(made(case.records()))) == numbered("closed", 50, "late", "main")


@test
def one_descriptor_is_held_and_it_is_high(client):
    with Case(client) as case:
        process = case.start("steps", 1)
        process.stdout.readline()
        fds = sorted(map(int, os.listdir("/proc/%d/fd" % process.pid)))
        process.communicate(b"xx", timeout=TIMEOUT)
        assert fds[:3] == [0, 1, 2] and len(fds) == 4 and fds[3] >= 240, fds


@test
def failed_exec_is_void_and_done_exec_counts(client):
    expected = {b"/made/exec/failed": 2, b"/etc/passwd": 13, b"/bin/sh": 0}
    with Case(client) as case:
        case.run("exec")
        assert executed(case.records()) == expected
    with Case(client, listening=False) as case:  # the spool cannot take it back
        case.run("exec")
        assert executed(case.spooled()) == expected


def executed(records):
    outcomes = {(r["path"], r.get("error", 0)) for r in records if r["kind"] == "EXECUTE"}
    assert len(outcomes) == len(dict(outcomes)), outcomes
    return dict(outcomes)


@test
def memory_only_makes_no_system_call(client):
    trace = tempfile.NamedTemporaryFile(suffix=".strace")
    with Case(client) as case:
        subprocess.run(["strace", "-o", trace.name, "-e", "trace=!exit_group", client,
                        "memory-only", "500"], env=case.environment(), check=True)
        assert made(case.records()) == numbered("memory-only", 500, "main")
    last = [line for line in trace if b"+++" not in line][-1]
    assert b"mprotect" in last or b"close" in last or b"munmap" in last, last


@test
def vfork_child_does_not_confuse_its_parent(client):
    with Case(client) as case:
        case.run("vfork", cwd="/opt")
        check_places(case, {"child-in-etc": "/etc", "child-in-var": "/var", "parent-in-usr": "/usr",
                            "parent-at-start": "/opt", "parent-again": "/opt"})
        assert case.receiver.memories[0].header()["users"] == 0


@test
def process_made_behind_our_back_is_right(client):
    with Case(client) as case:
        case.run("raw-clone", cwd="/opt")
        check_places(case, {"child-in-etc": "/etc", "parent-at-start": "/opt"})
        assert case.receiver.memories[0].header()["users"] == 0


@test
def chroot_is_seen_from_above(client):
    if os.geteuid() == 0:
        with Case(client) as case:
            case.run("chroot", cwd="/opt")
            check_places(case, {"absolute": "/usr", "relative": "/usr", "beside": "/usr/lib"})


@test
def long_socket_paths_work(client):
    """Among them the longest that fits into an address with its zero, and the next."""
    for size in (SUN_PATH_SIZE - 1, SUN_PATH_SIZE, 3 * SUN_PATH_SIZE):
        with Case(client, listening=False) as case:
            name, start = "/aggregator.sock", case.folder.name + "/"
            deep = start + "".join("/" if i % 100 == 99 else "d" for i in range(size - len(start + name)))
            os.makedirs(os.path.join(deep, "spool"))
            here = os.open(".", os.O_RDONLY)
            os.chdir(deep)
            case.receiver = wire.Receiver("aggregator.sock")
            os.fchdir(here)
            os.close(here)
            case.socket = deep + name
            assert len(case.socket) == size, case.socket
            case.run("plain", 10)
            assert made(case.records()) == numbered("plain", 10, "main")


@test
def without_a_socket_nothing_happens(client):
    with tempfile.NamedTemporaryFile(suffix=".strace") as trace:
        subprocess.run(["strace", "-f", "-o", trace.name, client, "plain", "10"], env={},
                       check=True)
        text = trace.read()
        assert b"memfd" not in text and b"socket" not in text and b"FSIZE" not in text, text


@test
def hostile_spool_is_refused(client):
    for plant in (os.mkfifo, os.mkdir, lambda p: os.symlink("/tmp/elsewhere", p)):
        with Case(client, listening=False) as case:
            plant(os.path.join(case.spool, "records.%d" % os.geteuid()))
            case.run("plain", 10)
            assert not os.path.exists("/tmp/elsewhere")


def check_places(case, expected):
    """Resolves ids as proto/record.proto says, and checks what relative paths are relative to."""
    records, known = case.records(), {}
    hello = case.receiver.hellos()[0]["directory"]
    known[directory_id(0, hello)] = hello
    for r in records:
        base = known.get(r.get("directory"), b"")
        if r["kind"] == "DIRECTORY":
            known[r["id"]] = os.path.join(base, r["path"])
        elif r["kind"] == "PATH":
            known[directory_id(r.get("directory", 0), r["path"])] = os.path.join(base, r["path"])
    found = {r["path"].decode(): os.path.normpath(known[r["directory"]]).decode()
             for r in records if r["kind"] == "PATH" and r.get("directory")
             and r["access"] == 512 and r["path"] != b"."}
    assert found == expected, found


def directory_id(parent, path):
    value = 0xcbf29ce484222325
    for byte in parent.to_bytes(8, "little") + path:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return value if value >> 32 else value + (1 << 32)


def wait_a_look():
    """Waits for longer than the period after which the recorder looks at its connection."""
    import time
    time.sleep(2.5)


def main():
    failed = 0
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        clients = [build_client(folder)]
        try:
            clients.append(build_client(folder, "musl-gcc"))
        except (OSError, subprocess.CalledProcessError):
            print("no musl-gcc: glibc only")
        for client in clients:
            for function in tests:
                if wanted and function.__name__ not in wanted:
                    continue
                if "musl" in client and hasattr(function, "of_glibc"):
                    continue
                try:
                    function(client)
                except Exception:  # each test is to be reported
                    failed += 1
                    print("FAILED %s (%s)" % (function.__name__, os.path.basename(client)))
                    traceback.print_exc(limit=3, file=sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The ways of watching a program that are compared. Each is a context manager: inside it, a command
started with `prefix` before it and `environment` added is watched; afterwards `log()` is the text (or
listing) it left, in which the benchmark looks for the files that were really used."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

REST_NS = 10e6  # of the aggregator's processor time
CALLS = "open,openat,execve,connect"


class Method:
    name = "bare"
    sees = "nothing"
    in_process = True  # cheap enough for the full-size workloads

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.prefix, self.environment = [], {}

    def available(self):
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def is_at_rest(self):
        """Has the method finished its work in the background?"""
        return True

    def log(self):
        return None


class Empty(Method):
    name = "empty library"

    def __enter__(self):
        self.environment = {"LD_PRELOAD": f"{self.build}/bench/empty.so"}
        return self


class Footprint(Method):
    name = "footprint"
    sees = "everything"

    def __enter__(self):
        # In memory like /run, where a deployment has its socket and spool.
        self.state = tempfile.mkdtemp(prefix="footprint-bench-state.",
                                      dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        os.chmod(self.state, 0o755)
        socket = f"{self.state}/aggregator.sock"
        self.daemon = subprocess.Popen(
            [f"{self.build}/footprintd", "--nice", "--threads", "1", "--socket", socket,
             "--manifests", self.state], stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(socket), "footprintd's socket")
        self.environment = {
            "LD_PRELOAD": f"{self.build}/libfootprint.so",
            "FOOTPRINT_SOCKET": socket,
            "FOOTPRINT_APP": "bench",
            "FOOTPRINT_VERSION": "1",
        }
        return self

    def __exit__(self, *_):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(timeout=120)
        self.shown = subprocess.run(
            [f"{self.build}/footprint", "show", "--json", f"{self.state}/bench@1.footprint"],
            capture_output=True).stdout.decode(errors="replace")
        shutil.rmtree(self.state)
        return False

    def processor_ns(self):
        total = 0
        for task in os.listdir(f"/proc/{self.daemon.pid}/task"):
            with open(f"/proc/{self.daemon.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    def is_at_rest(self):
        """Is its manifest on disk, and has it only looked for news within the last second?"""
        if not os.path.exists(f"{self.state}/bench@1.footprint"):
            return False
        before = self.processor_ns()
        time.sleep(1)
        return self.processor_ns() - before < REST_NS

    def pin(self, core):
        """Keeps the aggregator, with the threads that it has, on one core."""
        for task in os.listdir(f"/proc/{self.daemon.pid}/task"):
            os.sched_setaffinity(int(task), {core})

    def log(self):
        return self.shown


class Traced(Method):
    """A tracer that runs the command."""

    in_process = False
    program = None

    def available(self):
        return shutil.which(self.program) is not None

    @property
    def output(self):
        return os.path.join(self.folder, "trace")

    def log(self):
        with open(self.output, errors="replace") as file:
            return file.read()


class Strace(Traced):
    name, program, sees = "strace", "strace", "everything"
    options = []

    def __enter__(self):
        self.prefix = ["strace", "-f", *self.options, "-s", "4096", "-e", f"trace={CALLS}",
                       "-o", self.output]
        return self


class StraceSeccomp(Strace):
    name = "strace --seccomp-bpf"
    options = ["--seccomp-bpf"]


class Proot(Traced):
    name, program, sees = "proot (ptrace)", "proot", "records nothing: translates paths"

    def __enter__(self):
        self.prefix = ["proot"]
        return self

    def log(self):
        return None


class Care(Traced):
    name, program, sees = "care (ptrace)", "care", "opened files, archived"

    def __enter__(self):
        self.archive = os.path.join(self.folder, "care.tar")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.archive)
        # On kernels since 4.8, where seccomp stops a call before its entry is traced, it would kill what it traces.
        self.environment = {"PROOT_NO_SECCOMP": "1"}
        # -d: without it, care hides /tmp and the like, where the workloads have their files.
        self.prefix = ["care", "-d", "-o", self.archive]
        return self

    def log(self):
        return subprocess.run(["tar", "tf", self.archive], capture_output=True).stdout.decode(errors="replace")


class Cde(Traced):
    # By default it leaves out files below /tmp and /dev.
    name, program, sees = "cde (ptrace)", "cde", "opened files, copied"

    def __enter__(self):
        shutil.rmtree(os.path.join(self.folder, "cde-package"), ignore_errors=True)
        self.prefix = ["cde", "-o", os.path.join(self.folder, "cde-package")]
        return self

    def log(self):
        return listing(os.path.join(self.folder, "cde-package"))


class Snoopy(Method):
    name, sees = "snoopy (LD_PRELOAD)", "executed programs, to syslog"
    library = "/lib/x86_64-linux-gnu/libsnoopy.so"

    def available(self):
        return os.path.exists(self.library)

    def __enter__(self):
        self.environment = {"LD_PRELOAD": self.library}
        return self


class Fakechroot(Traced):
    name, program, sees = "fakechroot (LD_PRELOAD)", "fakechroot", "records nothing: translates paths"

    def __enter__(self):
        self.prefix = ["fakechroot"]
        return self

    def log(self):
        return None


class Background(Traced):
    """A tracer of the whole machine, which runs beside the command."""

    command = []
    ready = None

    def __enter__(self):
        self.file = open(self.output, "w")
        self.tracer = subprocess.Popen(self.command, stdout=self.file, stderr=subprocess.STDOUT)
        wait_for(self.is_attached, f"{self.program} to attach")
        return self

    def __exit__(self, *_):
        time.sleep(0.2)  # a fixed grace time: what it has not read by then counts as lost
        self.tracer.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.tracer.wait(timeout=20)
        self.tracer.kill()
        self.tracer.wait()
        self.file.close()
        return False


class Fanotify(Background):
    name, program, sees = "fanotify (fatrace)", "fatrace", "opened files, by mount"
    command = ["fatrace"]

    def is_attached(self):
        with open("/etc/hostname", "rb"):
            pass
        return "/etc/hostname" in self.log()


class Ebpf(Background):
    name, program, sees = "eBPF (bpftrace)", "bpftrace", "system calls"
    # A mount namespace of its own, so that tracefs need not be mounted on the machine.
    command = ["unshare", "-m", "sh", "-c",
               'mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec bpftrace -e "$0"', """
        tracepoint:syscalls:sys_enter_openat { printf("%s %s\\n", comm, str(args->filename)); }
        tracepoint:syscalls:sys_enter_open { printf("%s %s\\n", comm, str(args->filename)); }
        tracepoint:syscalls:sys_enter_execve { printf("%s %s\\n", comm, str(args->filename)); }
        tracepoint:syscalls:sys_enter_connect { printf("%s connect\\n", comm); }"""]

    def is_attached(self):
        with open("/etc/hostname", "rb"):
            pass
        return "/etc/hostname" in self.log()


ALL = [Method, Empty, Footprint, Snoopy, Fakechroot, Fanotify, Ebpf, StraceSeccomp, Strace, Proot, Care, Cde]


def wait_for(condition, what, limit=20):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {limit} s")
        time.sleep(0.01)


def listing(folder):
    return "\n".join(os.path.join(top, name) for top, _, names in os.walk(folder) for name in names)

"""A process as footprintd sees it, written from proto/*.proto, session_memory.h and WIRE.md alone.

Nothing here uses the project's C code, so that a test which uses it judges footprintd from outside.
Manifests are read with zstd and protoc.
"""
import fcntl, os, re, resource, shutil, signal, socket, struct, subprocess, sys, tempfile, time, traceback

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../proto")
F_ADD_SEALS, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW = 1033, 1, 2, 4
SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW
READ, WRITE, CREATE, LIST, CHECK = 1, 2, 4, 256, 512
CLAIMED, READY, EXEC, VOID = 1, 2, 3, 4
LIMIT_SECONDS = 30
OWN_FILES = {"directories", "counted", "reserve", "lock"}  # in the spool, for the next daemon


# --- protobuf -----------------------------------------------------------------------------------

def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n) if n else b""


def fixed(field, n):
    return varint(field << 3 | 1) + struct.pack("<Q", n) if n else b""


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value if value else b""


def path(name, access=READ, error=0, directory=0, no_follow=False):
    return (number(1, 1) + number(2, access) + fixed(3, directory) + data(4, name)
            + number(5, error) + number(6, no_follow))


def numbered(prefix, name):
    """From now on `prefix` stands for this directory."""
    return number(1, 5) + data(4, name) + fixed(7, prefix)


def below(prefix, name, access=READ, error=0):
    """The same as path(), with the number of a directory before the name."""
    return path(name, access, error) + number(15, prefix)


def execute(name, error=0, directory=0):
    return number(1, 2) + fixed(3, directory) + data(4, name) + number(5, error)


def chroot(id, name, root=None):
    """A record that the process has called chroot: paths relative to `id` are below `name`, its new "/"."""
    return number(1, 5) + data(4, name) + fixed(7, id) + number(14, len(name) if root is None else root)


def load(name, by=0):
    return number(1, 3) + data(4, name) + number(10, by)


def endpoint(use, address):
    return number(1, 4) + number(8, use) + data(9, address)


def hello(session, application="app", version="1", segment=0, protocol=1, started=1,
          executable="/usr/bin/env", directory="/", top="/", birth_ns=0, script=""):
    root = os.stat(top)
    return (number(1, protocol) + data(2, session) + number(3, segment) + data(4, application)
            + data(5, version) + data(6, executable) + data(8, directory) + number(9, os.getpid())
            + data(13, "host") + fixed(14, started) + fixed(15, root.st_dev)
            + fixed(16, root.st_ino) + fixed(21, birth_ns) + (data(23, script) if script else b""))


def birth(file):
    """When it was made, in seconds; 0: the file system does not say."""
    return int(subprocess.run(["stat", "-c", "%W", file], stdout=subprocess.PIPE, check=True).stdout)


def directory_id(parent, name):
    h = 0xCBF29CE484222325
    for byte in struct.pack("<Q", parent) + name.encode():
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h if h >> 32 else h + (1 << 32)


# --- session memory and spool -------------------------------------------------------------------

def slot(record, state=READY):
    body = struct.pack("<I", state << 24 | len(record)) + record
    return body + bytes(-len(body) % 8)


def memory(log, hello_bytes, size=65536, users=1, processes=1, lost=0, log_offset=None,
           said_size=None, seals=SEALS, magic=0x31474F4C54505246):
    """A memfd with the session's header, hello and log."""
    offset = log_offset if log_offset is not None else 64 + len(hello_bytes) + -len(hello_bytes) % 8
    fd = os.memfd_create("peer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    os.pwrite(fd, struct.pack("<QIIIIIIQQQII", magic, 1, size if said_size is None else said_size,
                              64, len(hello_bytes), offset, (size - offset) & 0xFFFFFFF8, len(log), 0, lost,
                              processes, users), 0)
    os.pwrite(fd, hello_bytes, 64)
    os.pwrite(fd, log, offset)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def checksum(*parts):
    def step(total, word):
        mixed = total ^ word
        return (mixed << 29 | mixed >> 35) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF

    total = 0xCBF29CE484222325
    for part in parts:
        padded = part + bytes(-len(part) % 8)
        words = [word for (word,) in struct.iter_unpack("<Q", padded)]
        for lane in range(4):
            lane_total = 0xCBF29CE484222325
            for word in words[lane::4]:
                lane_total = step(lane_total, word)
            total = step(total, lane_total)
    return (total ^ total >> 32) & 0xFFFFFFFF


def spool_entry(hello_bytes, log, offset=0, written=1, making=False):
    magic = b"mRPTLOG3" if making else b"FRPTLOG3"
    head = struct.pack("<8sIIQQQI", magic, len(hello_bytes), len(log), offset, written,
                       0, 1)
    total = checksum(head + bytes(4), hello_bytes, log)
    return head + struct.pack("<I", total) + hello_bytes + log


MEMORY_LEFT = 1 << 63  # in `acknowledged`: the daemon is about to end


class Peer:
    """One process image that says hello with the given records."""

    def __init__(self, daemon, records=(), session=None, application="app", version="1", started=1,
                 executable="/usr/bin/env", directory="/", script="", **how):
        self.session = session or os.urandom(16)
        self.hello = hello(self.session, application, version, started=started,
                           executable=executable, directory=directory, script=script)
        self.log = b"".join(slot(r) for r in records)
        self.memory = memory(self.log, self.hello, **how)
        self.socket = connect(daemon)
        say_hello(self.socket, self.hello, [self.memory])

    def close(self):
        self.socket.close()
        os.close(self.memory)

    def acknowledged(self):
        return struct.unpack("<Q", os.pread(self.memory, 8, 40))[0] & ~MEMORY_LEFT


def connect(daemon):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(LIMIT_SECONDS)
    s.connect(daemon.socket)
    return s


def replace_socket(daemon, served):
    """Puts another socket in the place of the daemon's, without a moment in between. served: somebody listens to it."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(daemon.socket + ".other")
    if served:
        s.listen()
    os.rename(daemon.socket + ".other", daemon.socket)
    return s


def say_hello(s, hello_bytes, fds, root=True):
    fds = list(fds)
    opened = os.open("/", os.O_PATH | os.O_DIRECTORY) if root else None
    if root:
        fds.append(opened)
    socket.send_fds(s, [data(1, hello_bytes)], fds)
    if root:
        os.close(opened)


def batch(session, log, offset=0):
    return data(2, data(1, session) + fixed(3, offset) + data(4, log))


def refused(s):
    """Has the daemon closed the connection?"""
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True


# --- the daemon ---------------------------------------------------------------------------------

def is_still_at(file, path):
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def append_to_spool(daemon, content, name="records.0", directory=None):
    """As a process does: the lock keeps the daemon, which takes a file by renaming it, from reading what is only
    begun."""
    path = "%s/%s" % (directory or daemon.spool, name)
    while True:
        with open(path, "ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            if is_still_at(file, path):
                file.write(content)
                return


class Daemon:
    def __init__(self, *options, interval="0.1", manifests=None, descriptors=None, directory=None,
                 wrapper=(), has_spool=True):
        """wrapper: a command that executes the rest of its arguments, keeping its process id."""
        self.has_spool = has_spool
        self.descriptors = descriptors
        self.wrapper = wrapper
        self.directory = directory or tempfile.mkdtemp(prefix="footprintd-")
        self.socket = self.directory + "/socket"
        self.spool = self.directory + "/spool"
        self.manifests = manifests or self.directory + "/manifests"
        self.options = options
        self.interval = interval
        self.start()

    def start(self):
        # Processes that have something to keep make it, too. Without it, a run may have lost something.
        if self.has_spool and not os.path.exists(self.spool):
            os.mkdir(self.spool)
            os.chmod(self.spool, 0o1777)
        ready, write = os.pipe()
        os.set_inheritable(write, True)
        self.errors = open(self.directory + "/stderr", "ab")
        self.process = subprocess.Popen(
            [*self.wrapper, BUILD + "/footprintd", "--socket", self.socket,
             "--manifests", self.manifests, "--interval", self.interval,
             "--ready-fd", str(write), *self.options],
            pass_fds=[write], preexec_fn=self.limit, stderr=self.errors,
            env={**os.environ, "FOOTPRINT_LOG": "1"})
        os.close(write)
        assert os.read(ready, 1) == b"\n", "footprintd did not start: " + self.stderr()
        os.close(ready)

    def limit(self):
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(LIMIT_SECONDS)
        self.errors.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def remove(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stderr(self):
        with open(self.directory + "/stderr", errors="replace") as f:
            return f.read()

    def counter(self, what):
        """A counter of the last daemon that has ended."""
        found = re.findall(r"^footprintd: %s: (\d+)$" % re.escape(what), self.stderr(), re.M)
        return int(found[-1])

    def manifest(self, name="app@1"):
        """The decoded manifest as text, by zstd and protoc; "" where there is none."""
        file = "%s/%s.footprint" % (self.manifests, name)
        if not os.path.exists(file):
            return ""
        plain = subprocess.run(["zstd", "-dcq", file], stdout=subprocess.PIPE, check=True).stdout
        return subprocess.run(["protoc", "--decode=footprint.Manifest", "-I", PROTO,
                               PROTO + "/manifest.proto"], input=plain, stdout=subprocess.PIPE,
                              check=True).stdout.decode()

    def written(self):
        """The names in the directory of manifests, without the daemon's lock."""
        return sorted(set(os.listdir(self.manifests)) - {".footprintd.lock"})

    def memory_kib(self, field="VmHWM"):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(field + r":\s+(\d+)", f.read()).group(1))


def slow_disk(folder, seconds):
    """A wrapper for a daemon on a disk that takes so long to make anything last."""
    library = folder + "/slow_sync.so"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slow_sync.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-DSYNC_US=%d" % (seconds * 1e6), "-o", library, source], check=True)
    return ["env", "LD_PRELOAD=" + library]


def wait_for(what, condition, seconds=LIMIT_SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never: " + what
        time.sleep(0.01)


def read_link(name):
    """Where a link leads; "" if it has vanished."""
    try:
        return os.readlink(name)
    except FileNotFoundError:
        return ""


def without_times(manifest):
    return re.sub(r"^  (started_ns|ended_ns): .*\n", "", manifest, flags=re.M)


def has_file(manifest, name):
    return '\nfiles {\n  path: "%s"\n' % name in "\n" + manifest


# --- running --------------------------------------------------------------------------------------

TESTS_AT_ONCE = 4  # they mostly wait


def run_one(test):
    """Runs a test with a daemon of its own: test(daemon). Did it pass?"""
    began = time.monotonic()
    daemon = Daemon(*getattr(test, "options", ()))
    try:
        test(daemon)
        print("ok %s: %.1f s" % (test.__name__, time.monotonic() - began))
        return True
    except Exception as e:
        print("FAILED", test.__name__, type(e).__name__, e, daemon.stderr()[-800:], sep="\n  ")
        return False
    finally:
        daemon.remove()


def start(test, output):
    """Runs it in a process of its own, whose id is returned."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    passed = False
    try:
        os.dup2(output.fileno(), 1)
        passed = run_one(test)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0 if passed else 1)


def run(tests, at_once=TESTS_AT_ONCE):
    """Runs some tests at a time, in this order (those that wait long stand first), and says of each what came of
    it as soon as it has ended."""
    waiting, running, failed = list(tests), {}, 0
    while waiting or running:
        while waiting and len(running) < at_once:
            test, output = waiting.pop(0), tempfile.TemporaryFile()
            running[start(test, output)] = test, output
        pid, status = os.wait()
        test, output = running.pop(pid)
        with output:
            output.seek(0)
            os.write(1, output.read())
        if os.WIFSIGNALED(status):
            os.write(1, b"FAILED %s: killed by signal %d\n" % (test.__name__.encode(), os.WTERMSIG(status)))
        failed += status != 0
    sys.exit(1 if failed else 0)

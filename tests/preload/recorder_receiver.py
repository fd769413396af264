"""An independent aggregator for the tests of the recorder: accepts sessions, reads their memory as
proto/session_memory.h describes it, and has protoc decode the bytes."""

import array
import os
import re
import select
import selectors
import socket
import struct
import subprocess
import tempfile
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADER = struct.Struct("<QIIIIIIQQQII")
HEADER_FIELDS = ("magic protocol memory_size hello_offset hello_size log_offset log_size tail "
                 "acknowledged lost processes users").split()
ENTRY = struct.Struct("<QIIQQQII")
HELLO = b"\x0a"  # the first byte of a Packet{hello}
MEMORY_LEFT = 1 << 63  # in `acknowledged`: the aggregator is about to end
MEMORY_MAGIC = int.from_bytes(b"FRPTLOG1", "little")
ENTRY_MAGICS = [int.from_bytes(magic, "little") for magic in (b"FRPTLOG3", b"mRPTLOG3")]
FREE, CLAIMED, READY, EXEC, VOID = range(5)
LOG_PROTO = """syntax = "proto3"; package footprint; import "record.proto";
message Log { repeated Record record = 1; repeated Packet packet = 2; repeated Hello hello = 3; }
"""


def object_of(source, build):
    """The object of a source. (A build folder may also hold objects of sources that do not exist any
    more.)"""
    return os.path.join(build, "obj", os.path.splitext(os.path.relpath(source, TOP))[0] + ".o")


def varint(number):
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def unescape(text):
    """The content of a string in protobuf's text format, as bytes."""
    names = {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "'": b"'", "\\": b"\\"}
    out = bytearray()
    for octal, other, plain in re.findall(r"\\([0-7]{1,3})|\\(.)|([^\\]+)", text):
        out += bytes([int(octal, 8)]) if octal else names[other] if other else plain.encode()
    return bytes(out)


def parse_text(lines):
    """protoc's text output as a list of (name, value); messages are lists themselves."""
    fields = []
    for line in lines:
        line = line.strip()
        if line == "}":
            return fields
        if line.endswith("{"):
            fields.append((line[:-1].strip(), parse_text(lines)))
            continue
        name, value = line.split(": ", 1)
        if value.startswith('"'):
            fields.append((name, unescape(value[1:-1])))
        else:
            fields.append((name, int(value) if re.fullmatch(r"-?\d+", value) else value))
    return fields


def decode(field, messages):
    """Decodes Records (field 1), Packets (2) or Hellos (3) with protoc, into a dict each."""
    if not messages:
        return []
    body = b"".join(bytes([field << 3 | 2]) + varint(len(m)) + m for m in messages)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "log.proto"), "w") as file:
            file.write(LOG_PROTO)
        result = subprocess.run(
            ["protoc", "-I", folder, "-I", os.path.join(TOP, "proto"),
             "--decode=footprint.Log", "log.proto"], input=body, stdout=subprocess.PIPE, check=True)
    return [dict(value) for _, value in parse_text(iter(result.stdout.decode().splitlines()))]


def completed(said):
    """The records of (session, payload) pairs; Record.prefix is put before the path."""
    records = decode(1, [payload for _, payload in said])
    numbered = {(session, record["id"]): record["path"]
                for (session, _), record in zip(said, records)
                if record.get("kind") == "DIRECTORY" and record["id"] < 1 << 32}
    for (session, _), record in zip(said, records):
        if "prefix" in record:
            record["path"] = numbered[session, record.pop("prefix")] + b"/" + record["path"]
    return [record for record in records
            if record.get("kind") != "DIRECTORY" or record["id"] >= 1 << 32]


def slots_of(log):
    """(offset, state, payload) of each slot, until the first free one."""
    at = 0
    while at + 4 <= len(log):
        word, = struct.unpack_from("<I", log, at)
        state, size = word >> 24, word & 0xffffff
        if state == FREE:
            return
        if at + 4 + size > len(log):
            raise ValueError("slot at %d reaches past the log" % at)
        yield at, state, log[at + 4:at + 4 + size]
        at += (4 + size + 7) & ~7


CHECKSUM_START = 0xcbf29ce484222325


def checksum_step(value, word):
    value ^= word
    return (value << 29 | value >> 35) * 0x9e3779b97f4a7c15 & 0xffffffffffffffff


def checksum_add(value, part):
    """fp_checksum_add()."""
    lanes = [CHECKSUM_START] * 4
    for index, (word,) in enumerate(struct.iter_unpack("<Q", part + bytes(-len(part) % 8))):
        lanes[index % 4] = checksum_step(lanes[index % 4], word)
    for lane in lanes:
        value = checksum_step(value, lane)
    return value


def checksum(*parts):
    """fp_entry_checksum(), of the parts one after another."""
    value = CHECKSUM_START
    for part in parts:
        value = checksum_add(value, part)
    return (value ^ value >> 32) & 0xffffffff


class Memory:
    """A segment, read through its descriptor."""

    def __init__(self, fd):
        self.fd = fd

    def header(self):
        return dict(zip(HEADER_FIELDS, HEADER.unpack(os.pread(self.fd, HEADER.size, 0))))

    def hello(self):
        header = self.header()
        return os.pread(self.fd, header["hello_size"], header["hello_offset"])

    def slots(self):
        header = self.header()
        start = header["acknowledged"]  # what comes before may have been given back
        assert header["magic"] == MEMORY_MAGIC, header
        # Only reads the part that is used, since the log is sparse.
        log = os.pread(self.fd, min(header["log_size"], header["tail"] + (64 << 10)) - start,
                       header["log_offset"] + start)
        return [(start + at, state, payload) for at, state, payload in slots_of(log)]

    def end(self):
        """Where the log ends: after its last slot."""
        end = 0
        for at, _, payload in self.slots():
            end = at + (4 + len(payload) + 7 & ~7)
        return max(end, self.header()["acknowledged"])

    def acknowledge(self, size=None):
        header = self.header()
        os.pwrite(self.fd, struct.pack("<Q", header["tail"] if size is None else size), 40)


def spool_entries(path):
    """(entry fields, hello, log) of each entry of a spool file. A bad one fails the test."""
    with open(path, "rb") as file:
        data = file.read()
    at, entries = 0, []
    while at < len(data):
        (magic, hello_size, log_size, offset, written, lost, processes,
         total) = ENTRY.unpack_from(data, at)
        assert magic in ENTRY_MAGICS, "no entry at %d" % at
        head = data[at:at + ENTRY.size - 4] + bytes(4)
        body = data[at + ENTRY.size:at + ENTRY.size + hello_size + log_size]
        assert checksum(head, body[:hello_size], body[hello_size:]) == total, \
            "checksum of the entry at %d" % at
        entries.append(({"offset": offset, "written": written, "lost": lost,
                         "processes": processes}, body[:hello_size], body[hello_size:]))
        at += ENTRY.size + hello_size + log_size
    return entries


class Receiver:
    """Listens at `path`. Everything that has come in is in `memories`, `packets` and `roots`."""

    def __init__(self, path, backlog=64, accepting=True):
        self.path, self.accepting = path, accepting
        self.memories, self.packets, self.roots, self.ended = [], [], [], 0
        self.peers = []
        self.lock = threading.Condition()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        self.listener.bind(path)
        self.listener.listen(backlog)
        self.stopping, self.stopped = socket.socketpair()
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def _loop(self):
        selector = selectors.DefaultSelector()
        selector.register(self.stopped, selectors.EVENT_READ, None)
        if self.accepting:
            selector.register(self.listener, selectors.EVENT_READ, None)
        while True:
            for key, _ in selector.select():
                if key.fileobj is self.stopped:
                    for peer in self.peers:
                        peer.close()
                    return
                with self.lock:
                    if key.fileobj is self.listener:
                        peer, _ = self.listener.accept()
                        self.peers.append(peer)
                        selector.register(peer, selectors.EVENT_READ, peer)
                    elif not self._receive(key.data):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
                    self.lock.notify_all()

    def _receive(self, peer):
        fds = array.array("i")
        try:
            data, control, _, _ = peer.recvmsg(1 << 17, socket.CMSG_SPACE(8 * fds.itemsize),
                                               socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            data, control = b"", []
        for level, kind, content in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
        for fd in fds:
            # A packet that tells of another root brings a memfd, too, with tables of mounts.
            if data[:1] == HELLO and os.readlink("/proc/self/fd/%d" % fd).startswith("/memfd:"):
                self.memories.append(Memory(fd))
            else:
                self.roots.append(fd)
        if data:
            self.packets.append(data)
        else:
            self.ended += 1
        return bool(data)

    def settle(self):
        """Waits until everything that was sent so far has come in."""
        while True:
            with self.lock:
                peers = [peer for peer in self.peers if peer.fileno() >= 0]
                if not select.select([self.listener, *peers], [], [], 0)[0]:
                    return

    def wait_ended(self, count=None, timeout=20):
        """Waits until `count` sessions (default: all that were opened) have ended."""
        with self.lock:
            if not self.lock.wait_for(lambda: self.ended >= (count or max(len(self.peers), 1)),
                                      timeout):
                raise TimeoutError("%d of %d sessions ended" % (self.ended, len(self.peers)))

    def wait_for(self, condition, timeout=20):
        with self.lock:
            if not self.lock.wait_for(condition, timeout):
                raise TimeoutError("condition not met")

    def close(self):
        self.stopping.close()
        self.thread.join()
        self.listener.close()
        for memory in self.memories:
            os.close(memory.fd)
        for root in self.roots:
            os.close(root)

    def records(self):
        """The records of all sessions, by memory and by value. EXEC slots count as done, as at the end of
        a session."""
        hellos = decode(3, [memory.hello() for memory in self.memories])
        said = [(hello["session"], payload) for hello, memory in zip(hellos, self.memories)
                for _, state, payload in memory.slots() if state in (READY, EXEC)]
        for packet in self.decoded_packets():
            if "batch" in packet:
                batch = dict(packet["batch"])
                said += [(batch["session"], payload)
                         for _, state, payload in slots_of(batch.get("log", b""))
                         if state in (READY, EXEC)]
        return completed(said)

    def decoded_packets(self):
        return decode(2, self.packets)

    def hellos(self):
        return [dict(packet["hello"]) for packet in self.decoded_packets() if "hello" in packet]


def spooled_records(folder):
    """Records of every spool file in a folder."""
    entries = [entry for name in sorted(os.listdir(folder))
               for entry in spool_entries(os.path.join(folder, name))]
    hellos = decode(3, [hello for _, hello, _ in entries])
    return completed([(hello["session"], payload)
                      for hello, (_, _, log) in zip(hellos, entries)
                      for _, state, payload in slots_of(log) if state in (READY, EXEC)])

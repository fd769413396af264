#!/usr/bin/env python3
"""Pools (proto/pool.h) are lent on request, and read as their cells say. Whatever a hostile program writes
into one only ends the sessions in it."""
import array, mmap
from peer import *

MAGIC, TICKET = 0x344C4F4F50505246, 0x54454B4349545246
PAGE, CELLS, TICKET_SIZE = 4096, 3072, 32
CELL = 8 * PAGE
LIFE, HELLO = 64, 80  # offsets in a cell: struct cell_life, and what is behind it
CELLS_AT = PAGE + TICKET_SIZE * CELLS
FREE, TAKEN, CLOSED = 0, 1, 2
SAID = 60  # packets, fewer than a socket holds
STATES = 8 + 4 + 4 + 8  # offset in the head
OCCUPIED = struct.pack("<Q", 1)
ACKNOWLEDGED = 40  # offset in a session memory


def at(cell):
    """Where the cell begins in the pool."""
    return CELLS_AT + CELL * cell


class Tenant:
    """A process that has asked for a pool, and maps it."""

    def __init__(self, daemon, identity=7):
        self.peer = Peer(daemon, [path("/parent")])
        request = data(1, self.peer.session) + fixed(2, identity)
        self.peer.socket.send(data(4, request))
        descriptors = array.array("i")
        self.offer, ancillary, _, _ = self.peer.socket.recvmsg(256, socket.CMSG_SPACE(4))
        for _, _, content in ancillary:
            descriptors.frombytes(content)
        assert len(self.offer) == 8 * 8 and len(descriptors) == 1, (self.offer, descriptors)
        self.fd = descriptors[0]
        self.map = mmap.mmap(self.fd, CELLS_AT + CELL * CELLS)

    def head(self):
        return struct.unpack("<QIIQ", self.map[:STATES])

    def state(self, cell, value=None):
        if value is not None:
            self.map[STATES + cell] = value
        return self.map[STATES + cell]

    def fill(self, cell, session, records, hello_bytes=None, offset=None, log_size=None, users=1,
             size=CELL, hello_size=None):
        """Writes a session memory into the cell, with the magic last. Arguments that are None get correct
        values."""
        hello_bytes = hello_bytes or hello(session)
        log = b"".join(slot(r) for r in records)
        begin = at(cell)
        start = HELLO + len(hello_bytes) + -len(hello_bytes) % 8 if offset is None else offset
        room = (CELL - PAGE - start) & 0xFFFFFFF8 if log_size is None else log_size
        self.map[begin:begin + CELL] = bytes(CELL)
        self.map[begin + HELLO:begin + HELLO + len(hello_bytes)] = hello_bytes
        if 0 <= start < CELL - len(log):
            self.map[begin + start:begin + start + len(log)] = log
        self.map[begin + 8:begin + 64] = struct.pack(
            "<IIIIIIQQQII", 1, size, HELLO, len(hello_bytes) if hello_size is None else hello_size,
            start & 0xFFFFFFFF, room, len(log), 0, 0, 1, users)
        self.map[begin:begin + 8] = struct.pack("<Q", 0x31474F4C54505246)
        self.state(cell, TAKEN)

    def end(self, cell):
        ended = at(cell) + LIFE + 8
        self.map[ended:ended + 4] = struct.pack("<I", 1)

    def leave_ticket(self, cell):
        ticket = PAGE + TICKET_SIZE * cell
        self.map[ticket:ticket + TICKET_SIZE] = struct.pack("<QQiiII", TICKET, 0, 1, 1, 0, 0)

    def ticket_counts(self, cell):
        ticket = PAGE + TICKET_SIZE * cell
        return self.map[ticket:ticket + 8] == struct.pack("<Q", TICKET)

    def close(self):
        self.peer.close()
        os.close(self.fd)


def a_pool_says_whose_it_is(daemon):
    tenant = Tenant(daemon, identity=0x1234)
    magic, size, _, tickets = tenant.head()
    assert (magic, size, tickets) == (MAGIC, CELLS_AT + CELL * CELLS, 0)
    magic, identity, device, inode, mount, birth_ns, *name = struct.unpack("<8Q", tenant.offer)
    root = os.stat("/")
    assert (magic, identity) == (MAGIC, 0x1234)
    assert any(name)
    assert (device, inode) == (root.st_dev, root.st_ino) and mount
    assert birth_ns // 10 ** 9 == birth("/"), birth_ns
    seals = fcntl.fcntl(tenant.fd, 1034)
    assert seals & SEALS == SEALS, seals
    tenant.close()


def cells_are_read_and_free_again(daemon):
    tenant = Tenant(daemon)
    for cell in (0, 1, CELLS - 1):
        tenant.leave_ticket(cell)
        tenant.fill(cell, os.urandom(16), [path("/cell/%d" % cell)])
    tenant.fill(1, os.urandom(16), [path("/cell/1/%03d" % i) for i in range(300)] + [path("/cell/1")])
    assert tenant.map[at(1) + PAGE:at(2) - PAGE].strip(b"\0"), "the log is short"
    tenant.end(0)
    tenant.end(1)
    wait_for("free again", lambda: tenant.state(0) == FREE and tenant.state(1) == FREE)
    assert tenant.state(CELLS - 1) == TAKEN
    assert [tenant.ticket_counts(cell) for cell in (0, 1, CELLS - 1)] == [False, False, True]
    assert not tenant.map[at(0):at(2)].strip(b"\0"), "what a cell held is not cleared"
    for cell in (0, 1):
        assert "/cell/%d" % cell in daemon.manifest()
    tenant.close()
    wait_for("the last", lambda: "/cell/%d" % (CELLS - 1) in daemon.manifest())


def what_outgrew_its_cell_goes_on(daemon):
    """A further segment is announced on the connection of the process that has asked for the pool."""
    tenant, session = Tenant(daemon), os.urandom(16)
    tenant.fill(5, session, [path("/first/part")])
    more = hello(session, segment=1)
    memfd = memory(slot(path("/second/part")), more)
    say_hello(tenant.peer.socket, more, [memfd])
    wait_for("both", lambda: all(p in daemon.manifest() for p in ("/first/part", "/second/part")))
    tenant.end(5)
    wait_for("free again", lambda: tenant.state(5) == FREE)
    tenant.close()


def what_was_announced_before_an_end_is_heard(daemon):
    """The daemon was stopped for longer than a tick, so it sees the cell, which has ended, before it reads
    the socket."""
    tenant, session, stopped = Tenant(daemon), os.urandom(16), time.monotonic()
    daemon.process.send_signal(signal.SIGSTOP)
    tenant.fill(6, session, [path("/before/it")])
    more = hello(session, segment=1)
    say_hello(tenant.peer.socket, more, [memory(slot(path("/behind/it")), more)])
    by_value = number(2, 2) + fixed(3, 0) + data(4, slot(path("/by/value")))
    tenant.peer.socket.send(data(1, hello(session, segment=2)))
    tenant.peer.socket.send(data(2, data(1, session) + by_value))
    tenant.end(6)
    wait_for("the next tick due", lambda: time.monotonic() - stopped > 1.2)
    daemon.process.send_signal(signal.SIGCONT)
    said = ("/before/it", "/behind/it", "/by/value")
    wait_for("all of it", lambda: all(p in daemon.manifest() for p in said))
    assert "dropped-session" not in daemon.manifest()
    tenant.fill(7, os.urandom(16), [path("/afterwards")])
    tenant.end(7)
    wait_for("the next one", lambda: "/afterwards" in daemon.manifest())
    tenant.close()


def what_was_said_before_a_kill_is_heard(daemon):
    """The offer of a pool stays in the process's socket. So the connection of a killed process first
    returns an error, and then what it had sent."""
    peer = Peer(daemon, [path("/parent")])
    peer.socket.send(data(4, data(1, peer.session) + fixed(2, 7)))
    peer.socket.recv(1, socket.MSG_PEEK)
    daemon.process.send_signal(signal.SIGSTOP)
    for i in range(SAID):
        further = hello(peer.session, segment=i + 1)
        say_hello(peer.socket, further, [memory(slot(path("/said-%d" % i, error=2)), further)])
    peer.close()
    daemon.process.send_signal(signal.SIGCONT)
    wait_for("what was said", lambda: all("/said-%d\"" % i in daemon.manifest() for i in range(SAID)))


def one_that_wants_none_gives_it_back(daemon):
    tenant = Tenant(daemon)
    tenant.leave_ticket(9)
    tenant.end(9)
    tenant.state(9, TAKEN)
    wait_for("free again", lambda: tenant.state(9) == FREE)
    assert not tenant.ticket_counts(9)
    tenant.close()


def a_ticket_is_no_session(daemon):
    tenant = Tenant(daemon)
    tenant.leave_ticket(3)
    tenant.state(3, TAKEN)
    tenant.fill(4, os.urandom(16), [path("/beside/it")])
    tenant.end(4)
    wait_for("the other", lambda: tenant.state(4) == FREE)
    assert tenant.state(3) == TAKEN
    tenant.close()


def a_second_pool_is_not_lent(daemon):
    tenant = Tenant(daemon)
    tenant.peer.socket.send(data(4, data(1, tenant.peer.session) + fixed(2, 1)))
    tenant.fill(0, os.urandom(16), [path("/still/there")])
    tenant.end(0)
    wait_for("it goes on", lambda: tenant.state(0) == FREE)
    tenant.peer.socket.settimeout(0.01)
    try:
        assert not tenant.peer.socket.recv(64)
    except TimeoutError:
        pass
    tenant.close()


def hostile_cells(daemon):
    tenant = Tenant(daemon)
    bad = [dict(hello_size=0xFFFFFFFF), dict(hello_size=CELL), dict(offset=0), dict(offset=CELL),
           dict(offset=61), dict(log_size=0xFFFFFFF8), dict(log_size=CELL), dict(size=1 << 30),
           dict(hello_bytes=b"\xff" * 200), dict(hello_bytes=hello(os.urandom(16), protocol=99)),
           dict(hello_bytes=hello(os.urandom(16), segment=3)),
           dict(hello_bytes=hello(tenant.peer.session))]
    for cell, how in enumerate(bad):
        tenant.fill(cell, os.urandom(16), [path("/bad/%d" % cell)], **how)
        tenant.end(cell)
    twice = os.urandom(16)
    tenant.fill(100, twice, [path("/twice/1")])
    tenant.fill(101, twice, [path("/twice/2")])
    for cell in range(200, 400):
        tenant.map[at(cell):at(cell + 1)] = os.urandom(CELL)
        tenant.state(cell, cell & 0xFF)
    for cell in range(400, 500):  # a session memory whose log is noise
        tenant.fill(cell, os.urandom(16), [])
        tenant.map[at(cell) + 1024:at(cell + 1) - 16] = os.urandom(CELL - 1024 - 16)
        tenant.end(cell)
    honest = Tenant(daemon)
    honest.fill(0, os.urandom(16), [path("/honest")])
    honest.end(0)
    wait_for("the honest one", lambda: honest.state(0) == FREE and "/honest" in daemon.manifest())
    assert not any("/bad/%d" % i in daemon.manifest() for i in range(len(bad)))
    tenant.map[:64] = bytes(64)  # its own head, too
    tenant.close()
    honest.close()
    assert daemon.stop() == 0, daemon.stderr()


def nobody_gets_in_once_it_ends(daemon):
    """An image that was about to fill its cell is heard. One that has only a ticket finds the cell in use."""
    tenant = Tenant(daemon)
    entering, ticket = 8, 9
    tenant.map[at(entering):at(entering) + 8] = OCCUPIED
    for cell in (entering, ticket):
        tenant.leave_ticket(cell)
        tenant.state(cell, TAKEN)
    assert not tenant.head()[2]
    daemon.process.terminate()
    wait_for("its leave", lambda: tenant.head()[2] == 1)
    wait_for("the cell in use", lambda: tenant.map[at(ticket):at(ticket) + 8] == OCCUPIED)
    tenant.fill(entering, os.urandom(16), [path("/was/entering")])
    assert daemon.process.wait(LIMIT_SECONDS) == 0
    assert "/was/entering" in daemon.manifest(), daemon.manifest()
    left = at(entering) + ACKNOWLEDGED
    assert struct.unpack("<Q", tenant.map[left:left + 8])[0] & MEMORY_LEFT
    tenant.close()


def a_request_for_another_session_is_refused(daemon):
    peer = Peer(daemon, [path("/x")])
    peer.socket.send(data(4, data(1, os.urandom(16)) + fixed(2, 1)))
    assert refused(peer.socket)
    peer.close()


if __name__ == "__main__":
    run([a_pool_says_whose_it_is, cells_are_read_and_free_again, what_outgrew_its_cell_goes_on,
         what_was_announced_before_an_end_is_heard, what_was_said_before_a_kill_is_heard,
         one_that_wants_none_gives_it_back, a_ticket_is_no_session, a_second_pool_is_not_lent,
         hostile_cells, nobody_gets_in_once_it_ends, a_request_for_another_session_is_refused])

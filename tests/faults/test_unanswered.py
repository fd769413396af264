#!/usr/bin/env python3
"""A program waits for a server that does not answer, and never returns from that call: it is killed, or
jumps out of a signal handler, or its thread is cancelled. Its manifest has the server."""
from faults import *

CONNECT = "42 "  # how /proc/PID/syscall begins in that call
ENDS = {"killed": lambda p: p.kill(), "jump": lambda p: p.send_signal(signal.SIGALRM),
        "cancelled": lambda p: os.write(p.stdin.fileno(), b"x")}


def silent_server():
    """A server with a full queue: the kernel drops what else asks for a connection. Returns it, and clients
    that keep it full."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    clients = []
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        clients.append(client)
    return server, clients


def waits(process):
    for calls in glob.glob("/proc/%d/task/*/syscall" % process.pid):
        with open(calls) as f:
            if f.read().startswith(CONNECT):
                return True
    return False


def judge(program, how):
    server, clients = silent_server()
    address = server.getsockname()
    daemon = Daemon(interval="0.2")
    try:
        process = subprocess.Popen([program, address[0], str(address[1]), how], env=watched(daemon),
                                   stdin=subprocess.PIPE)
        wait_for("a connect that waits", lambda: waits(process))
        ENDS[how](process)
        assert process.wait() == (-signal.SIGKILL if how == "killed" else 0), process.returncode
        manifest = finish(daemon)
        known = [value(e, "address") for e in blocks(manifest, "endpoints")]
        assert known == ["%s:%d" % address] and not gaps(manifest), (known, gaps(manifest))
        print("ok", os.path.basename(program), how)
    finally:
        daemon.remove()
        for one in [server, *clients]:
            one.close()


def main():
    folder = working_folder()
    for compiler in ["gcc", "musl-gcc"]:
        os.mkdir(folder + "/" + compiler)
        program = compiled("unanswered", folder + "/" + compiler, compiler)
        for how in ENDS:
            judge(program, how)


main()

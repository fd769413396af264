#!/usr/bin/env python3
# time-limit: 200
"""Short programs keep their records in memory that the aggregator has lent to their parent. All records
are in the manifest, whoever is killed, and no program notices."""
from faults import *

SHORT = 40
SPARE = 800  # names of which no cell holds all
STATES_AT, CELLS = 24, 3072  # the pool's layout (proto/pool.h)
COUNTERS = ("pools lent", "connections accepted", "sessions")


def start_listener(daemon, command, **more):
    """A watched program that does what is written to it, and answers."""
    return subprocess.Popen(command, env=watched(daemon, **more), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, bufsize=1)


def start_shell(daemon, **more):
    """A watched shell that executes what is written to it. It has started two programs, so it has asked
    for a pool, and got it."""
    shell = start_listener(daemon, ["bash", "--norc"], **more)
    for _ in range(3):
        tell(shell, "/bin/true")
    wait_for("a pool offered", lambda: offered(daemon, shell))
    return shell


def offered(daemon, shell):
    """Does a program that the shell starts now need no memfd of its own?"""
    before = maps_of(shell)
    tell(shell, "/bin/true")
    return "footprint-pool" in before or "footprint-pool" in maps_of(shell)


def maps_of(shell):
    with open("/proc/%d/maps" % shell.pid) as f:
        return f.read()


def tell(shell, command):
    """Has the shell execute the command, and waits until it is done."""
    shell.stdin.write(command + "\necho done-$?\n")
    lines = []
    while not (lines and lines[-1].startswith("done-")):
        line = shell.stdout.readline()
        assert line, "the shell is gone"
        lines.append(line.rstrip("\n"))
    assert lines[-1] == "done-0", (command, lines)
    return lines[:-1]


def end(shell):
    shell.stdin.close()
    assert shell.wait(LIMIT_SECONDS) == 0


def with_shell(work, **how):
    """The manifest of what the shell does in work(daemon, shell), which may end either of them."""
    daemon = Daemon(interval="0.2", **how)
    try:
        shell = start_shell(daemon)
        expected = work(daemon, shell)
        wait_for("the spool read", lambda: settled(daemon))
        manifest = finish(daemon)
        return manifest, expected, {name: daemon.counter(name) for name in COUNTERS}
    finally:
        daemon.remove()


def read_by_short_programs(shell, folder):
    names = ["%s/%d" % (folder, i) for i in range(SHORT)]
    for name in names:
        tell(shell, "cat " + name)
    return ["read " + name for name in names]


def cells_taken(shell):
    """How many cells of its pool are not free."""
    pool = next(line for line in maps_of(shell).splitlines() if "footprint-pool" in line)
    with open("/proc/%d/mem" % shell.pid, "rb") as memory:
        memory.seek(int(pool.split("-")[0], 16) + STATES_AT)
        return [i for i, state in enumerate(memory.read(CELLS)) if state]


def cells_serve_again(folder):
    """The pool has room for any number of programs: when a program has ended, by exit or by _exit, its
    cell is free again as soon as the manifest is on disk."""
    def work(daemon, shell):
        said = read_by_short_programs(shell, folder)
        tell(shell, "/usr/bin/perl -MPOSIX -e 'POSIX::_exit(0)'")
        tell(shell, "/usr/bin/perl -e 'fork; wait'")
        wait_for("no cell taken", lambda: not cells_taken(shell))
        end(shell)
        return said

    manifest, said, counted = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)


def forks_of_a_program_that_ended(folder):
    """Forks are counted even if the program recorded nothing after them, and its relatives go on."""
    def work(daemon, shell):
        tell(shell, "/usr/bin/perl -e 'for (1..20) { fork or exit } wait for 1..20'")
        wait_for("no cell taken", lambda: not cells_taken(shell))
        end(shell)

    counted = counts(with_shell(work)[0])
    images = sum(counted["images"].values())
    # The shell, and a fork and an execution for each of the others.
    assert counted["runs"][0][0] == 1 + 2 * (images - 1) + 20, counted


def goodbye_is_not_the_end(folder):
    """A process that has said goodbye and goes on keeps its cell, after executions that failed and in
    destructors. What it does even later, when the library considers it ended, is recorded, too."""
    program = compiled("cell", folder)

    def work(daemon, shell):
        tell(shell, "for i in 1 2 3 4 5 6 7 8; do %s %s & done" % (program, folder))
        said = []
        for i in range(10, SHORT):
            tell(shell, "cat %s/%d; sleep 0.1" % (folder, i))
            said.append("read %s/%d" % (folder, i))
        tell(shell, "wait")
        wait_for("no cell taken", lambda: not cells_taken(shell))
        end(shell)
        return said + ["read %s/%d" % (folder, i) for i in range(3)]

    manifest, said, counted = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)
    images = counts(manifest)["images"]
    assert images["/usr/bin/cat"] == SHORT - 10, images


def one_program_after_another(folder):
    """A process that executes a program, which executes the next, has a cell for each of them."""
    def work(daemon, shell):
        daemon.process.send_signal(signal.SIGSTOP)  # so that no cell is free again
        maps = tell(shell, "env nice env cat /proc/self/maps")
        assert any("footprint-pool" in line for line in maps), maps
        tell(shell, "env nice env nice env nice env cat %s/4" % folder)
        daemon.process.send_signal(signal.SIGCONT)
        end(shell)
        return ["read %s/4" % folder]

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)


def process_that_nobody_saw(folder):
    """A process that no hook has seen lives on in a cell that was given back. It continues in a session of
    its own."""
    program, fifo = compiled("unseen", folder), folder + "/unseen-go"
    os.mkfifo(fifo)

    def work(daemon, shell):
        tell(shell, "%s %s %s" % (program, folder, fifo))
        wait_for("no cell taken", lambda: not cells_taken(shell))
        with open(fifo, "w") as f:
            f.write("go on\n")
        wait_for("the process's end", lambda: os.path.exists(fifo + ".done"))
        end(shell)
        return ["read %s/%d" % (folder, i) for i in range(2)] + ["create %s.done" % fifo]

    manifest, said, counted = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)


def undisturbed_shell(folder):
    def work(daemon, shell):
        said = read_by_short_programs(shell, folder)
        end(shell)
        return said

    manifest, said, counted = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)
    assert counts(manifest)["images"]["/usr/bin/cat"] == SHORT, counts(manifest)
    # Most programs made no connection of their own.
    assert counted["pools lent"] == 1, counted
    assert counted["connections accepted"] < SHORT / 2 < counted["sessions"], counted


def aggregator_killed(folder):
    """The aggregator is killed with what it had not written; the parent lives, and ends in any way."""
    def work(daemon, shell):
        daemon.process.send_signal(signal.SIGSTOP)  # from now on, nothing is written
        said = read_by_short_programs(shell, folder)
        daemon.kill()
        end(shell)
        daemon.start()
        return said

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)
    assert counts(manifest)["images"]["/usr/bin/cat"] == SHORT, counts(manifest)


def parent_has_lost_its_socket(folder):
    """The aggregator is killed, and the parent finds its descriptor closed: it keeps the cells all the same."""
    program = compiled("shut", folder)
    daemon = Daemon(interval="0.2")
    try:
        parent = start_listener(daemon, [program, folder])

        def tell_it(word):
            parent.stdin.write(word + "\n")
            assert parent.stdout.read(5) == "done\n"

        def knows_pool():
            tell_it("0")
            return "footprint-pool" in maps_of(parent)

        wait_for("a pool known", knows_pool)
        daemon.process.send_signal(signal.SIGSTOP)
        for i in range(1, SHORT):
            tell_it(str(i))
        daemon.kill()
        tell_it("shut")
        parent.stdin.close()
        assert parent.wait(LIMIT_SECONDS) == 0
        daemon.start()
        manifest = finish(daemon)
        assert_done(manifest, ["read %s/%d" % (folder, i) for i in range(SHORT)])
        assert not gaps(manifest), gaps(manifest)
    finally:
        daemon.remove()


def address_space(folder):
    """A parent has mapped little, since the program may want the rest for itself, or lock it in memory."""
    def work(daemon, shell):
        maps = [line.split()[0].split("-") for line in maps_of(shell).splitlines() if "footprint-pool" in line]
        size = sum(int(end, 16) - int(begin, 16) for begin, end in maps)
        assert 0 < size < 200 << 10, size
        read = "read %s/5" % folder
        tell(shell, "exec 9<%s/5" % folder)
        end(shell)
        return [read]

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)


def pid_used_again(folder):
    """An exec that fails in a process with the pid of one that has ended gives no cell back that is full."""
    bad = folder + "/bad-again"
    with open(bad, "w") as f:
        f.write("#!/nonexistent/interpreter\n")
    os.chmod(bad, 0o755)

    def work(daemon, shell):
        daemon.process.send_signal(signal.SIGSTOP)
        said = []
        for i, failing in enumerate((bad, "env " + bad, "LD_PRELOAD= " + bad)):
            # Other processes may be given the pid before; then this one gets another.
            for attempt in range(20):
                pid, = tell(shell, "cat %s/%d & echo $!; wait" % (folder, 3 * i))[-1:]
                again = tell(shell, "echo %d >/proc/sys/kernel/ns_last_pid; (exec %s) 2>/dev/null & echo $!; wait $! "
                             "|| true" % (int(pid) - 1, failing))[-1]
                if again == pid:
                    break
            assert again == pid, "it never got the pid again"
            said.append("read %s/%d" % (folder, 3 * i))
        daemon.kill()
        end(shell)
        daemon.start()
        return said

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)


def pool_that_only_a_child_knows(folder):
    """The aggregator's answer comes after the parent's last fork. The child that finds it leaves its
    records to the parent, which only learns of the pool when the aggregator is gone."""
    program, name = compiled("late", folder), folder + "/0"
    daemon = Daemon(interval="0.2")
    try:
        late = start_listener(daemon, [program, name])
        assert late.stdout.readline() == "asked\n"
        wait_for("a pool lent", lambda: pools_lent(daemon))
        daemon.process.send_signal(signal.SIGSTOP)
        late.stdin.write("go on\n")
        assert late.stdout.readline() == "done\n"
        daemon.kill()
        assert "footprint-pool" not in maps_of(late), "it knew of the pool: this tests nothing"
        late.stdin.close()
        assert late.wait(LIMIT_SECONDS) == 0
        daemon.start()
        manifest = finish(daemon)
        assert_done(manifest, ["read " + name])
        assert not gaps(manifest), gaps(manifest)
        images = counts(manifest)["images"]
        assert (images["/usr/bin/true"], images["/usr/bin/cat"]) == (2, 1), images
    finally:
        daemon.remove()


def pools_lent(daemon):
    daemon.process.send_signal(signal.SIGUSR1)
    return re.search(r"pools lent: [1-9]", daemon.stderr())


def parent_that_became_another_program(folder):
    """The parent becomes another program, and does not know of the pool any more. Its children do not rely on it
    from then on, and the aggregator is killed before it can look."""
    fifo, name = folder + "/go", folder + "/1"
    os.mkfifo(fifo)
    daemon = Daemon(interval="60")
    try:
        shell = start_shell(daemon)
        tell(shell, "sh -c 'read go <%s; exec cat %s' >/dev/null &" % (fifo, name))
        shell.stdin.write("exec sleep 3\n")
        wait_for("the other program", lambda: "sleep" in os.readlink("/proc/%d/exe" % shell.pid))
        daemon.process.send_signal(signal.SIGSTOP)
        with open(fifo, "w") as f:
            f.write("go\n")
        wait_for("the child's end", lambda: not users_of(name) and not users_of(fifo))
        assert shell.poll() is None, "it has ended: this tests nothing"
        daemon.kill()
        assert not daemon.manifest(), "it was written: this tests nothing"
        shell.wait()
        daemon.start()
        assert_done(finish(daemon), ["read " + name])
    finally:
        daemon.remove()
        os.unlink(fifo)


def aggregator_killed_and_back(folder):
    """The parent notices with its next action, and so do programs that still have a cell."""
    def work(daemon, shell):
        said = read_by_short_programs(shell, folder)
        daemon.kill()
        daemon.start()
        said += read_by_short_programs(shell, folder)
        end(shell)
        return said

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)
    assert counts(manifest)["images"]["/usr/bin/cat"] == 2 * SHORT, counts(manifest)


def parent_killed(folder):
    def work(daemon, shell):
        said = read_by_short_programs(shell, folder)
        shell.kill()
        shell.wait()
        return said

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)
    assert counts(manifest)["images"]["/usr/bin/cat"] == SHORT, counts(manifest)


def child_killed(folder):
    """A killed program says no goodbye. What it recorded before is there when its relatives have ended."""
    def work(daemon, shell):
        tell(shell, "tail -f %s/0 & kill=$!; until grep -q %s/0 /proc/$kill/cmdline; do :; done; "
                    "until ls -l /proc/$kill/fd | grep -q %s/0; do :; done; kill -KILL $kill"
             % (folder, folder, folder))
        end(shell)
        return ["read %s/0" % folder]

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)


LIKE_PIDS = 16 * 31 * 2  # their distance
ENDS_SLOWLY = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=4000000"]


def begun_to_end(pid):
    """Has the process come to exit_group?"""
    with open("/proc/%s/syscall" % pid) as f:
        return f.read().startswith("231 ")


def choose_pid(parent):
    """The next process has a pid like its parent's, as far as a small table could tell."""
    with open("/proc/sys/kernel/pid_max") as f:
        away = LIKE_PIDS if parent + LIKE_PIDS < int(f.read()) else -LIKE_PIDS
    with open("/proc/sys/kernel/ns_last_pid", "w") as f:
        f.write("%d" % (parent + away - 1))


def while_the_parent_ends(folder, command, name):
    """The command ends when its parent has said goodbye, but is still there. What it, or its own child, has used
    is known if the aggregator is killed before it can look."""
    if not shutil.which("strace"):
        skip("needs strace")
    fifo = folder + "/" + name
    os.mkfifo(fifo)
    daemon = Daemon(interval="60")
    try:
        settings = ["%s=%s" % item for item in watched(daemon).items() if item not in os.environ.items()]
        shell = subprocess.Popen([*ENDS_SLOWLY, "env", *settings, "bash", "--norc"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, bufsize=1)
        pid, = tell(shell, "echo $$")
        wait_for("a pool known", lambda: "0" not in tell(shell, "/bin/true; grep -c footprint-pool /proc/$$/maps || :"))
        choose_pid(int(pid))
        tell(shell, command % {"fifo": fifo, "folder": folder})
        wait_for("the command", lambda: has_children(pid))
        daemon.process.send_signal(signal.SIGSTOP)
        shell.stdin.close()
        wait_for("the parent's end", lambda: begun_to_end(pid))
        with open(fifo, "w") as f:
            f.write("go\n")
        wait_for("the command's end", lambda: not has_children(pid))
        assert begun_to_end(pid), "it has ended: this tests nothing"
        daemon.kill()
        assert shell.wait(LIMIT_SECONDS) == 0
        daemon.start()
        manifest = finish(daemon)
        assert_done(manifest, ["read %s/7" % folder])
        assert not gaps(manifest), gaps(manifest)
    finally:
        daemon.remove()


def has_children(pid):
    with open("/proc/%s/task/%s/children" % (pid, pid)) as f:
        return any(not is_zombie(child) for child in f.read().split())


def is_zombie(pid):
    try:
        with open("/proc/%s/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def program_that_ends_with_its_parent(folder):
    while_the_parent_ends(folder, "sh -c 'read go <%(fifo)s; : <%(folder)s/7' &", "go-program")


def fork_that_ends_with_its_parent(folder):
    while_the_parent_ends(folder, "(read go <%(fifo)s; cat %(folder)s/7 >/dev/null; :) &", "go-fork")


def orphan(folder):
    """Its parent ends first, so only the program itself can keep its records."""
    def work(daemon, shell):
        fifo = folder + "/fifo"
        os.mkfifo(fifo)
        tell(shell, "(sh -c 'read go <%s; cat %s/1 >/dev/null; exec cat %s/2' >/dev/null &)"
             % (fifo, folder, folder))
        end(shell)
        daemon.process.send_signal(signal.SIGSTOP)
        with open(fifo, "w") as f:
            f.write("go\n")
        said = ["read %s/1" % folder, "read %s/2" % folder]
        wait_for("the orphan's end", lambda: not users_of(fifo))
        daemon.kill()
        daemon.start()
        return said

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)


def users_of(text):
    """Processes that have the text in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read()
        except OSError:
            continue
        if text.encode() in words and int(pid) != os.getpid() or b"cat\0%s" % (
                os.path.dirname(text) + "/").encode() in words:
            found.append(pid)
    return found


def more_than_a_cell_holds(folder):
    """The first program fills the first page of its cell, and the others all of it."""
    many = [folder + "/none/%s-%d" % ("x" * 50, i) for i in range(SPARE)]

    def work(daemon, shell):
        names = ["%s/%d" % (folder, i) for i in range(SHORT)]
        tell(shell, "cat %s" % " ".join(names * 2))
        tell(shell, "for i in 1 2 3; do (cat %s %s 2>&1 | tr a b >/dev/null); done" % (" ".join(names), " ".join(many)))
        end(shell)
        return ["read " + name for name in names]

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)
    assert set(many) <= missing(manifest)
    assert not gaps(manifest), gaps(manifest)
    assert counts(manifest)["images"]["/usr/bin/cat"] == 4, counts(manifest)


def much_before_and_after_the_cell_is_left(folder):
    """Two sessions that each say much about one directory: its number in one means nothing in the other."""
    program = compiled("cell", folder)

    def work(daemon, shell):
        tell(shell, "%s %s %d" % (program, folder, SPARE))
        end(shell)

    manifest = with_shell(work)[0]
    sought = {"%s/%s-%d" % (folder, name, i) for name in ("early", "late") for i in range(SPARE)}
    assert sought <= missing(manifest), sorted(sought - missing(manifest))[:5]
    assert not gaps(manifest), gaps(manifest)


def what_is_known_when_the_cell_is_left(folder):
    """A process that has left its cell names files relative to what its first session has named."""
    program = compiled("cell", folder)
    behind = folder + "/behind"
    os.makedirs(behind)

    def work(daemon, shell):
        tell(shell, "%s %s 2 relative" % (program, folder))
        if os.geteuid() == 0:
            tell(shell, "%s %s 2 root" % (program, behind))
        end(shell)

    manifest = with_shell(work)[0]
    sought = {"%s/%s-%d" % (where, name, i) for name in ("early", "late") for i in range(2)
              for where in ([folder, behind] if os.geteuid() == 0 else [folder])}
    assert sought <= missing(manifest), (sorted(sought - missing(manifest)), gaps(manifest))
    assert not any(path.startswith("/late") for path in missing(manifest)), missing(manifest)
    assert not gaps(manifest), gaps(manifest)


def forks_that_leave_a_cell_apart(folder):
    """Forks that share a cell until it is full are one session for ever: what one says about a directory
    is not taken for another's."""
    look = "i=0; while [ $i -lt %d ]; do [ -e %s/%s/%s-$i ]; i=$((i + 1)); done"
    long_name = "x" * 50

    def work(daemon, shell):
        tell(shell, "dash -c '(%s) & %s; wait'" %
             (look % (SPARE, folder, "child", long_name), look % (SPARE, folder, "parent", long_name)))
        end(shell)

    manifest = with_shell(work)[0]
    sought = {"%s/%s/%s-%d" % (folder, who, long_name, i) for who in ("parent", "child") for i in range(SPARE)}
    assert sought <= missing(manifest), sorted(sought - missing(manifest))[:5]
    assert not gaps(manifest), gaps(manifest)


def forks_that_end_apart(folder):
    """Forks that have left their cell apart, and whose aggregator is killed before they end: each keeps what
    it has recorded alone."""
    look = "i=0; while [ $i -lt %d ]; do [ -e %s/%s/%s-$i ]; i=$((i + 1)); done"
    long_name, fifo = "x" * 50, folder + "/end"
    os.mkfifo(fifo)

    def work(daemon, shell):
        daemon.process.send_signal(signal.SIGSTOP)
        shell.stdin.write("dash -c 'exec 3<>%s; (%s; echo >&2; read go <&3) 2>%s/done & %s; wait'\n" % (
            fifo, look % (SPARE, folder, "child", long_name), folder, look % (SPARE, folder, "parent", long_name)))
        wait_for("the child", lambda: os.path.exists(folder + "/done") and os.path.getsize(folder + "/done"))
        time.sleep(1)  # so that the parent waits, too
        daemon.kill()
        with open(fifo, "w") as f:
            f.write("go\n")
        end(shell)
        daemon.start()

    manifest = with_shell(work)[0]
    sought = {"%s/%s/%s-%d" % (folder, who, long_name, i) for who in ("parent", "child") for i in range(SPARE)}
    assert sought <= missing(manifest), (len(sought - missing(manifest)), gaps(manifest))
    assert not gaps(manifest), gaps(manifest)
    os.unlink(fifo)


def what_a_segment_needs_of_the_cell(folder):
    """A process has recorded more than its cell holds, and has ended. Before the aggregator's successor hears of
    the cell from those that live on, it reads what stood behind the cell, and understands it."""
    look = "i=0; while [ $i -lt %d ]; do [ -e %s/%s/%s-$i ]; i=$((i + 1)); done"
    long_name, fifo = "x" * 50, folder + "/go"
    os.mkfifo(fifo)

    def work(daemon, shell):
        daemon.process.send_signal(signal.SIGSTOP)
        tell(shell, "dash -c '%s; exit'" % (look % (SPARE, folder, "alone", long_name)))
        shell.stdin.write("dash -c 'exec 3<>%s; %s; (%s); echo done; read go <&3'\n" % (
            fifo, look % (60, folder, "shared", long_name), look % (SPARE, folder, "shared", long_name)))
        assert shell.stdout.readline() == "done\n"
        daemon.kill()
        daemon.start()
        wait_for("the spool read", lambda: settled(daemon))
        with open(fifo, "w") as f:
            f.write("go\n")
        end(shell)

    manifest = with_shell(work)[0]
    sought = {"%s/%s/%s-%d" % (folder, who, long_name, i) for who in ("alone", "shared") for i in range(SPARE)}
    assert sought <= missing(manifest), (len(sought - missing(manifest)), gaps(manifest))
    assert not gaps(manifest), gaps(manifest)
    os.unlink(fifo)


def root_left(folder):
    """A program that changes its root, and then records more than its cell holds, must not harm its
    relatives: what is then "/" for it is not the root of the connection that they share. This holds
    for whichever record is the first that does not fit."""
    script = "for (1..%d) { -e \"/none-$_\" } chroot(\"%s\") or die; for (1..%d) { open(F, \"<\", \"/$_\") or die }"

    def work(daemon, shell):
        for before in range(60):
            tell(shell, "/usr/bin/perl -e '%s'" % (script % (before, folder, SHORT - 1)))
        tell(shell, "cat %s/0" % folder)
        end(shell)
        return ["read %s/%d" % (folder, i) for i in range(SHORT)]

    manifest, said, counted = with_shell(work)
    assert_done(manifest, said)
    assert not gaps(manifest), gaps(manifest)


def another_root(folder):
    """A directory that can become the root, with a place for the old root, and a file."""
    root = tempfile.mkdtemp(dir=os.path.dirname(folder))
    os.mkdir(root + "/old")
    open(root + "/only-inside", "w").close()
    return root


def root_exchanged(folder):
    """After pivot_root, no path is recorded as if it were in the old root."""
    root = another_root(folder)
    with open(root + ".pl", "w") as f:
        f.write('$new = "%s"; $old = "$new/old"; syscall(155, $new, $old) == 0 or die "pivot_root: $!";\n'
                'open(F, "<", "/only-inside") or die' % root)

    def work(daemon, shell):
        tell(shell, "unshare -m sh -c 'mount --bind %s %s && exec perl %s.pl'" % (root, root, root))
        end(shell)

    manifest, _, _ = with_shell(work)
    assert has_file(manifest, root + "/only-inside") and not has_file(manifest, "/only-inside"), manifest
    assert not gaps(manifest), gaps(manifest)


def namespace_entered(folder):
    """The same after setns into a mount namespace with another root, or with the same one."""
    root = another_root(folder)
    with open(root + ".pl", "w") as f:
        f.write('open(NS, "<", "/proc/$ARGV[0]/ns/mnt") or die; '
                'syscall(308, fileno(NS), 0x20000) == 0 or die "setns: $!";\n'
                'open(F, "<", $ARGV[1]) or die "$ARGV[1]: $!"')

    def gaps_of(make_namespace, file):
        other = subprocess.Popen(["unshare", "-m", "sh", "-c", make_namespace + "; echo; read end"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            other.stdout.read(1)
            manifest, _, _ = with_shell(lambda daemon, shell: (
                tell(shell, "perl %s.pl %d %s" % (root, other.pid, file)), end(shell)))
        finally:
            other.kill()
            other.wait()
        assert has_file(manifest, root + "/only-inside") and not has_file(manifest, "/only-inside"), manifest
        return [gap[0] for gap in gaps(manifest)]

    exchange = "mount --bind %s %s; cd %s; pivot_root . old; cd /" % (root, root, root)
    assert gaps_of("true", root + "/only-inside") == []
    assert gaps_of(exchange, "/only-inside") == []


def of_another_application(folder):
    """A program of another application or version does not count for its parent's."""
    daemon = Daemon(interval="0.2")
    try:
        shell = start_shell(daemon)
        tell(shell, "FOOTPRINT_APP=other cat %s/1" % folder)
        tell(shell, "FOOTPRINT_VERSION=2 cat %s/2" % folder)
        end(shell)
        finish(daemon)
        for file, name in (("other@1", "1"), ("app@2", "2")):
            assert has_file(daemon.manifest(file), "%s/%s" % (folder, name)), file
        for name in "12":
            assert not has_file(daemon.manifest(), "%s/%s" % (folder, name)), name
    finally:
        daemon.remove()


def descriptors(folder):
    """Programs have the same descriptors as without us, and ours, which is closed in programs that do not
    load the library."""
    listing = "ls /proc/self/fd; /bin/busybox ls /proc/self/fd; sh -c 'exec ls /proc/self/fd'; " \
              "LD_PRELOAD= ls /proc/self/fd"
    bare = subprocess.run(["bash", "-c", listing], stdout=subprocess.PIPE, text=True).stdout.split()
    daemon = Daemon(interval="0.2")
    try:
        # Not supervised, so a static program has no descriptor of ours at all.
        shell = start_shell(daemon, FOOTPRINT_SUPERVISE="0")
        for command in listing.split("; "):
            shown = [int(fd) for fd in tell(shell, command) if int(fd) > 2]
            own = [fd for fd in shown if fd >= 200]
            if "busybox" in command:
                assert not own, (command, shown)
            assert len(own) <= 1, (command, shown)
        end(shell)
    finally:
        daemon.remove()
    assert bare


def exec_that_fails(folder):
    """The cell that was taken for it is free again, and the shell goes on."""
    def work(daemon, shell):
        bad = folder + "/bad"
        with open(bad, "w") as f:
            f.write("#!/nonexistent/interpreter\n")
        os.chmod(bad, 0o755)
        for _ in range(SHORT):
            tell(shell, "%s 2>/dev/null; [ $? -ge 126 ]" % bad)
        # Five arguments that are too long for the kernel, and then one that is not: a process has four cells.
        maps = tell(shell, "/usr/bin/perl -e 'exec \"/usr/bin/cat\", $_ for (\"x\" x 200000) x 5, \"/proc/self/maps\"'")
        assert any("footprint-pool" in line for line in maps), "no cell after executions that failed"
        tell(shell, "cat %s/3" % folder)
        end(shell)
        return ["read %s/3" % folder]

    manifest, said, _ = with_shell(work)
    assert_done(manifest, said)


def main():
    folder = working_folder()
    data = data_folder(folder, SHORT)
    failed = 0
    for test in (undisturbed_shell, cells_serve_again, forks_of_a_program_that_ended,
                 goodbye_is_not_the_end, one_program_after_another, process_that_nobody_saw, aggregator_killed,
                 parent_has_lost_its_socket, address_space, pid_used_again, pool_that_only_a_child_knows, parent_that_became_another_program,
                 aggregator_killed_and_back, parent_killed, child_killed, orphan,
                 program_that_ends_with_its_parent, fork_that_ends_with_its_parent,
                 more_than_a_cell_holds, much_before_and_after_the_cell_is_left,
                 what_is_known_when_the_cell_is_left,
                 forks_that_leave_a_cell_apart, forks_that_end_apart, what_a_segment_needs_of_the_cell, root_left, root_exchanged, namespace_entered,
                 of_another_application, descriptors, exec_that_fails):
        try:
            test(data)
            print("ok", test.__name__)
        except Exception as e:
            failed += 1
            print("FAILED", test.__name__, type(e).__name__, str(e)[-1500:])
    sys.exit(1 if failed else 0)


main()

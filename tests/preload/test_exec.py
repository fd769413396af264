#!/usr/bin/env python3
# time-limit: 240
"""Programs start as without the library, keep it in their environment, and are recorded as strace sees
them. Programs that cannot load it are gaps."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hooks_judge
from recorder_receiver import Receiver

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
LIBRARY = os.path.join(BUILD, "libfootprint.so")
ENV = "/usr/bin/env"
FORMS = ["execve-empty", "execve-null", "execve-own", "execve-preload", "execve-large", "execveat", "execveat-fd",
         "fexecve", "syscall", "execv", "execvp", "execvpe", "execl", "execlp", "execle",
         "execv-cleared", "execv-unset", "spawn", "spawn-own", "spawnp", "elsewhere", "elsewhere-fd", "system", "popen",
         "vfork"]
LOOP_SECONDS = 9  # an execution has settled after half of that time, on the slowest processor
SEARCHED = ["execvp", "execvpe", "execlp", "spawnp"]
failures = []


def check(what, good):
    if not good:
        failures.append(what)


class Run:
    """A run with the library: output, stderr, sessions and facts."""

    def __init__(self, work, command, **environment):
        Run.count = getattr(Run, "count", 0) + 1
        receiver = Receiver(os.path.join(work, f"{Run.count}.sock"))
        self.environment = {"PATH": os.environ["PATH"], "LD_PRELOAD": LIBRARY,
                            "FOOTPRINT_SOCKET": receiver.path, "FOOTPRINT_APP": "tested",
                            "FOOTPRINT_VERSION": "7", **environment}
        result = subprocess.run(command, cwd=work, env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        receiver.wait_ended()
        self.output, self.errors = result.stdout.decode(), result.stderr.decode()
        self.status, self.hellos = result.returncode, receiver.hellos()
        records = receiver.records()
        self.facts, self.gaps = hooks_judge.facts_of(records, self.hellos)
        self.executed = [record.get("path") for record in records
                         if record.get("kind") == "EXECUTE"]
        receiver.close()

    def variables(self):
        return dict(line.split("=", 1) for line in self.output.splitlines() if "=" in line)

    def execs(self):
        return {fact for fact in self.facts if fact[0] == "exec"}

    def images(self):
        return [hello["executable"].decode() for hello in self.hellos]


def environments(work, program, jemalloc, forms):
    """Whatever the program does with the environment, `env` has the library and our variables."""
    for form in forms:
        run = Run(work, [program, form, ENV], OTHER_PRELOAD="LD_PRELOAD=" + (jemalloc or ""))
        found = run.variables()
        check(f"{form}: said on stderr: {run.errors}", not run.errors)
        check(f"{form}: status of its child in {run.output[-80:]!r}", "status 0" in run.output)
        wanted = {**run.environment, "FOOTPRINT_APP": "own" if "-own" in form else "tested"}
        for name in ("FOOTPRINT_SOCKET", "FOOTPRINT_APP", "FOOTPRINT_VERSION"):
            check(f"{form}: {name} is {found.get(name)}", found.get(name) == wanted[name])
        preload = f"{LIBRARY}:{jemalloc}" if "-preload" in form and jemalloc else LIBRARY
        check(f"{form}: LD_PRELOAD is {found.get('LD_PRELOAD')}", found.get("LD_PRELOAD") == preload)
        if "-own" in form:
            check(f"{form}: other variables", found.get("X") == "1" and
                  found.get("FOOTPRINT_OTHER") == "kept")
        if "-large" in form:
            check(f"{form}: other variables", found.get("V5999") == "5999")
        check(f"{form}: no session of {ENV} among {run.images()}", ENV in run.images())


def kept_order(work, program, jemalloc):
    """The user's other preloads keep their places."""
    if not jemalloc:
        return
    both = f"{jemalloc} {LIBRARY}"
    found = Run(work, [program, "execv", ENV], LD_PRELOAD=both).variables()
    check(f"order of preloads: {found.get('LD_PRELOAD')}", found.get("LD_PRELOAD") == both)


def recorded(work, program, forms, sites="01"):
    """exec facts are those that strace sees, for programs that are found and not."""
    folder = os.path.join(work, "search")
    for name in ("denied", "empty"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for path, mode, text in (("denied/t-tool", 0o644, "#!/bin/sh\n"),
                             ("t-tool", 0o755, "#!/bin/sh\necho tool\n"),
                             ("t-script", 0o755, "echo script\n"), ("t-plain", 0o644, "")):
        with open(os.path.join(folder, path), "w") as file:
            file.write(text)
        os.chmod(os.path.join(folder, path), mode)
    path = ":".join([f"{folder}/empty", f"{folder}/denied", folder, "/bin"])
    for form in forms:
        names = [ENV, f"{folder}/none", folder, f"{folder}/t-plain", f"{folder}/t-tool"]
        if form in SEARCHED:
            names += ["t-tool", "t-none", "t-script", ""]
        for name in names:
            command = [program, form, name]
            environment = {"PATH": path, "HOME": "/"}
            facts, output = hooks_judge.strace(command, work, scratch=work, env=environment,
                                               stderr=subprocess.DEVNULL)
            expected = {fact for fact in facts if fact[0] == "exec"}
            # Without sites nobody sees where the child of a posix_spawn goes.
            for on in "1" if form.startswith("elsewhere") else sites:
                run = Run(work, command, PATH=path, FOOTPRINT_SITES=on)
                what = f"{form} {name} (sites {on})"
                found = run.execs() | {("exec", program, "done")}
                for fact in sorted(expected - found):
                    failures.append(f"{what}: not recorded: {fact}")
                for fact in sorted(found - expected):
                    failures.append(f"{what}: strace saw nothing of {fact}")
                if name != ENV:
                    check(f"{what}: said {run.output!r}, bare {output.decode()!r}",
                          run.output == output.decode())


def gap_test(work, program, path, kind, status="status 0"):
    for form in ("execve-empty", "spawn", "vfork", "system"):
        run = Run(work, [program, form, path], FOOTPRINT_SUPERVISE="0")
        check(f"{form} of {path}: gaps {run.gaps}", (kind, path) in run.gaps)
        check(f"{form} of {path}: {run.errors}", not run.errors)
        check(f"{form} of {path}: {run.output!r}", status in run.output)


def unwatchable(work, program):
    static = os.path.join(work, "static")
    pie = os.path.join(work, "static-pie")
    foreign = os.path.join(work, "foreign")
    with open(os.path.join(work, "main.c"), "w") as file:
        file.write("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-static", "-o", static, "main.c"], cwd=work, check=True)
    subprocess.run(["gcc", "-static-pie", "-o", pie, "main.c"], cwd=work, check=True)
    gap_test(work, program, static, "static-program")
    gap_test(work, program, pie, "static-program")
    script = os.path.join(work, "script")
    with open(script, "w") as file:
        file.write(f"#! {static} x\n")
    os.chmod(script, 0o755)
    run = Run(work, [program, "execv", script], FOOTPRINT_SUPERVISE="0")
    check(f"script of a static program: {run.gaps}", ("static-program", static) in run.gaps)
    with open(os.path.join(work, "foreign.s"), "w") as file:
        file.write(".globl _start\n_start: mov $1, %eax\n xor %ebx, %ebx\n int $0x80\n")
    subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-o", foreign, "foreign.s"], cwd=work,
                   check=True)
    try:
        runs = subprocess.run([foreign]).returncode == 0
    except OSError:
        runs = False
        print("this kernel runs no 32-bit programs: left out")
    if runs:
        gap_test(work, program, foreign, "foreign-program")
    for linker in ("/lib64/ld-linux-x86-64.so.2",):
        run = Run(work, [program, "execv", linker, "--version"])
        check(f"a dynamic linker is no static program: {run.gaps}",
              not any(kind == "static-program" for kind, _ in run.gaps))
    if os.geteuid() == 0:
        for mode, owner in ((0o4755, (65534, 0)), (0o2755, (0, 65534))):
            copy = os.path.join(work, f"set-{mode:o}")
            shutil.copy("/bin/true", copy)
            os.chown(copy, *owner)
            os.chmod(copy, mode)
            run = Run(work, [program, "execv", copy])
            check(f"{copy}: {run.gaps}", ("setuid-program", copy) in run.gaps)


# Executes a program, drops its privileges, and executes it once more.
DROPPING = """
import os, subprocess, sys
subprocess.call([sys.argv[1]])
os.setegid(65534)
if sys.argv[2] == "seteuid":
    os.seteuid(65534)
else:
    os.setuid(65534)
subprocess.call([sys.argv[1]])
"""


def privileges_change(work):
    """Whether a program can be watched depends on who executes it, so a first look does not count for
    good."""
    copy = os.path.join(work, "set-user")
    shutil.copy("/bin/true", copy)
    os.chmod(copy, 0o4755)
    closed = os.path.join(work, "set-user-closed") # as some systems have sudo
    shutil.copy("/bin/true", closed)
    os.chmod(closed, 0o4111)
    for name, how in ((copy, "setuid"), (closed, "setuid"), (os.path.realpath("/bin/true"), "seteuid")):
        run = Run(work, ["/usr/bin/python3", "-S", "-c", DROPPING, name, how])
        check(f"{name} after {how}: {run.errors} {run.gaps}", ("setuid-program", name) in run.gaps)


def bad_environment(work, program):
    run = Run(work, [program, "execve-bad", ENV])
    check(f"an environment that is none: {run.output!r}", "Bad address" in run.output)


def no_gaps(work, program):
    run = Run(work, [program, "execv", ENV])
    check(f"a dynamic program leaves gaps: {run.gaps}", not run.gaps)


def loop(work):
    """Executions of one program in a loop are no longer recorded when the first of them has stood for some
    time."""
    run = Run(work, ["bash", "-c", """mkfifo pause; exec 3<>pause; n=0
        while [ $SECONDS -lt %d ]; do /bin/true; read -t 0.05 <&3; : $((n++)); done
        echo $n""" % LOOP_SECONDS])
    recorded = run.executed.count(b"/bin/true")
    check(f"{recorded} of {run.output} executions of a loop", 0 < recorded < int(run.output) * 3 // 4)


def other_root(work):
    """Where the library cannot be reached, the dynamic linker is not told to load it."""
    root = os.path.join(work, "root")
    os.makedirs(root + "/usr/bin")
    shutil.copy(ENV, root + "/usr/bin/env")
    out = subprocess.run(["ldd", ENV], stdout=subprocess.PIPE, check=True).stdout.decode()
    for word in out.split():
        if word.startswith("/"):
            os.makedirs(root + os.path.dirname(word), exist_ok=True)
            shutil.copy(word, root + word)
    run = Run(work, ["/usr/sbin/chroot", root, ENV])
    check(f"chroot: stderr {run.errors}", not run.errors)
    check(f"chroot: {run.output}", run.status == 0 and "LD_PRELOAD" not in run.variables())


def main():
    jemalloc = next(iter(filter(os.path.exists, [
        "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"])), None)
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        program = os.path.join(work, "exec")
        subprocess.run(["gcc", "-std=gnu11", "-O2", "-w", "-o", program,
                        os.path.join(HERE, "hooks/exec.c")], check=True)
        environments(work, program, jemalloc, FORMS)
        kept_order(work, program, jemalloc)
        recorded(work, program, FORMS)
        if os.path.exists("/usr/bin/musl-gcc"):
            musl = os.path.join(work, "exec-musl")
            subprocess.run(["musl-gcc", "-std=gnu11", "-O2", "-w", "-o", musl,
                            os.path.join(HERE, "hooks/exec.c")], check=True)
            forms = [form for form in FORMS if form != "execveat-fd"]
            environments(work, musl, None, forms)
            recorded(work, musl, forms, sites="1")
        unwatchable(work, program)
        no_gaps(work, program)
        bad_environment(work, program)
        loop(work)
        if os.geteuid() == 0:
            privileges_change(work)
            other_root(work)
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

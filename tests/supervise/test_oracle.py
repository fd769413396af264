#!/usr/bin/env python3
# time-limit: 450
"""Static programs under supervision, and Go programs of all kinds, compared with what strace sees of them
when nobody watches."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "oracle"))
# pylint: disable=wrong-import-position
from judge import compare, exclusions, paths, said as oracle_said, seen, strace

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(TOP, "build")))
HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = ("strace", "busybox", "gcc", "musl-gcc", "go")
# Nothing else happens between the look and the call in these programs, so everything must be as strace saw
# it.
OUTSIDE = {"search"}
GO = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
GO_PROGRAMS = {
    "go": ["program.go", "files.go"],
    "go-express": ["express.go"],
    # Linked with libc by Go's own linker and by gcc: these load the library.
    "go-libc": ["linked.go", "files.go"],
    "go-libc-gcc": ["linked.go", "linked_c.go", "files.go"],
}
if os.environ.get("FOOTPRINT_TEST_LONG") == "1":  # which builds Go's own packages anew
    GO_PROGRAMS["go-libc-pie"] = ["-buildmode=pie", "linked.go", "linked_c.go", "files.go"]

BUSYBOX = {
    "sh": "for i in 1 2 3; do echo $i >f$i; done; cat f1 f2 none; test -e f3; [ -d /etc ]; . ./f1",
    "files": "mkdir -p a/b; touch a/b/c; cp -r a d; mv d/b e; ln -s a l; ls -la l/; rm -r a; rmdir d",
    "tar": "mkdir t; cp /etc/passwd t/; tar -cf t.tar t; rm -r t; tar -xf t.tar; md5sum t/passwd",
    "find": "find /etc/apt -type f; du -s /etc/apt; stat /etc/issue; readlink -f /bin/sh",
    "text": "sed s/a/b/ x >z; awk '{ print }' /etc/fstab; sort -o y /etc/shells; grep -r nosuch /etc/apt",
    "modes": "chmod 600 x; chown 0 x; touch -d 2020-01-01 x; chmod 600 none; mkfifo p; rm none",
    "dynamic": "/bin/cat /etc/hostname; head -n 1 /etc/passwd; /bin/sh -c 'cat /etc/group; ls /etc/apt'",
    # Without our variables, so that the supervisor watches dynamic programs, too; perl loads what nobody needs.
    "bare": "env -i /bin/cat /etc/hostname; env -i /bin/sh -c 'cat /etc/group; ls /etc/apt';"
            "env -i /usr/bin/perl -e 'use POSIX; exec qq{/bin/true}'",
    "denied": "exec su none",
    "net": "wget -T 1 -q -O - http://127.0.0.1:1/; nslookup localhost 127.0.0.1; nc -w 1 127.0.0.1 2",
    "script": "printf '#!/bin/busybox sh\\ncat /etc/issue\\n' >s; chmod +x s; ./s; env -i ./s",
}


def build(folder):
    """Builds the programs; returns what to execute for each name."""
    made = {}
    sources = [("calls", ""), ("express", "-express")]
    if os.geteuid() == 0:
        sources.append(("users", "-users"))
    for source, suffix in sources:
        for name, command in {"glibc": ["gcc", "-static"], "pie": ["gcc", "-static-pie"],
                              "musl": ["musl-gcc", "-static"]}.items():
            program = made[name + suffix] = os.path.join(folder, name + suffix)
            subprocess.run([*command, "-w", "-D_GNU_SOURCE", "-O1", "-idirafter", "/usr/include",
                            "-idirafter", "/usr/include/x86_64-linux-gnu", "-o", program,
                            os.path.join(HERE, f"{source}.c")], check=True)
    for name, command in GO_PROGRAMS.items():
        made[name] = os.path.join(folder, f"{name}-program")
        cgo = str(int("linked.go" in command))
        subprocess.run(["go", "build", "-o", made[name], *command], cwd=HERE,
                       env={**os.environ, **GO, "CGO_ENABLED": cgo, "HOME": folder,
                            "GOCACHE": os.path.join(folder, "cache")}, check=True)
    return made


def workloads(made, work):
    yield from ((name, [program, work]) for name, program in made.items())
    for name, script in BUSYBOX.items():
        yield f"busybox {name}", ["busybox", "sh", "-c", f"cd {work}; {script}"]
    yield "ldconfig", ["/sbin/ldconfig", "-p"]


class Supervised(seen.Judge):
    """The oracle considers static programs unwatched; here they are watched."""

    def _start(self, image):
        program = super()._start(image)
        if program is None:
            program, _ = self.seen.unwatched.popitem()
        return program


def fresh(work):
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work)
    with open(os.path.join(work, "x"), "w", encoding="ascii") as file:
        file.write("a\n")


def watch(command, folder, work, quiet):
    """Runs it watched. On a machine so busy that a supervisor comes too late, that is a gap, and here
    another attempt."""
    manifest = os.path.join(folder, "manifest")
    for _ in range(6):
        fresh(work)
        run = subprocess.run([os.path.join(BUILD, "footprint"), "run", "-o", manifest, "--", *command],
                             cwd=folder, **quiet)
        shown = json.loads(subprocess.run([os.path.join(BUILD, "footprint"), "show", "--json", manifest],
                                          stdout=subprocess.PIPE, check=True).stdout)
        if not any("in time" in gap["detail"] for gap in shown["gaps"]):
            break
    return run, shown


def judge(name, command, folder, work):
    """Judges one workload; returns the complaints."""
    trace = os.path.join(folder, "trace")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    fresh(work)
    bare = subprocess.run(["strace", *strace.FLAGS, "-o", trace, *command], cwd=folder, **quiet)
    run, shown = watch(command, folder, work, quiet)
    nowhere = b"/nonexistent/footprint"
    own = exclusions.Own(os.fsencode(BUILD) + b"/libfootprint.so", nowhere, nowhere)
    resolver = paths.Resolver(b"/")
    with open(trace, encoding="ascii") as lines:
        saw = Supervised(resolver, own, os.fsencode(folder)).read(lines)
    told = oracle_said.Said(shown)
    if bare.stdout != run.stdout:
        yield f"printed {run.stdout[:200]!r}, not {bare.stdout[:200]!r}"
    if bare.returncode != run.returncode:
        yield f"ended with {run.returncode}, not {bare.returncode}"
    for gap in shown["gaps"]:
        yield f"gap: {gap}"
    facts = 0
    for category, score in compare.compare(saw, told).items():
        if category in OUTSIDE:
            continue
        facts += score.expected
        yield from (f"{category}: missed {fact}: {line}" for fact, line in score.missed)
        yield from (f"{category}: extra {fact}" for fact in score.extra)
    print(f"{name}: {facts} facts")
    if not facts:
        yield "strace saw nothing"


def main():
    missing = [command for command in NEEDED if not shutil.which(command)]
    if missing:
        print("needs " + " ".join(missing))
        return 77
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        work = os.path.join(folder, "work")
        for name, command in workloads(build(folder), work):
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            for complaint in judge(name, command, folder, work):
                print(f"failed: {name}: {complaint}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

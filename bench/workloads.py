"""What is measured. A workload prepares a folder and gives the command to time; servers are in served.py."""

import os
import shutil
import signal
import subprocess
import sys
import time

from served import Served

HERE = os.path.dirname(os.path.abspath(__file__))


class Workload:
    bar = None          # the greatest allowed ratio to bare (the least, for rates)
    unit = "s"
    starts = None       # how many programs it starts, and the most that each may take beyond the empty library, us
    peers = True        # small enough for ptrace and the like
    memory = False      # its files must be in memory
    marks = None        # folder of f0.. files that a method should have seen, and how many

    def __init__(self, name, bar=None, peers=True):
        self.name, self.bar, self.peers = name, bar, peers

    def prepare(self, build, folder):
        pass

    def command(self, build, folder):
        raise NotImplementedError

    def measure(self, method, build, folder):
        """Seconds that the command takes under the method."""
        command = method.prefix + self.command(build, folder)
        environment = {**os.environ, **method.environment}
        before = time.perf_counter()
        result = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
        elapsed = time.perf_counter() - before
        if result.returncode != 0:
            raise RuntimeError(f"{self.name}: {command}: {result.stderr.decode(errors='replace')[-500:]}")
        return elapsed


class Load(Workload):
    """One of bench/loads, done by the loader."""

    def __init__(self, name, load, bar=None, peers=True, files=0, starts=None, **settings):
        super().__init__(name, bar, peers)
        self.load, self.files, self.starts, self.settings = load, files, starts, settings
        self.memory = load == "change"

    def prepare(self, build, folder):
        if self.files:
            subprocess.run([f"{build}/bench/loader", f"{HERE}/loads/tree", f"DIR={folder}/files",
                            f"FILES={self.files}"], check=True)
            self.marks = (f"{folder}/files", self.files)

    def command(self, build, folder):
        settings = {"DIR": f"{folder}/files", "FILES": self.files, **self.settings}
        return [f"{build}/bench/loader", f"{HERE}/loads/{self.load}",
                *(f"{name}={value}" for name, value in settings.items())]


class Shell(Workload):
    """A shell command; `setup` runs once, unwatched, and `again` before every measurement."""

    def __init__(self, name, script, setup="", again="", bar=None, peers=True, memory=False):
        super().__init__(name, bar, peers)
        self.memory = memory
        self.script, self.setup, self.again = script, setup, again

    def prepare(self, build, folder):
        self.run_unwatched(self.setup, folder)

    @staticmethod
    def run_unwatched(script, folder):
        if script:
            subprocess.run(["sh", "-ec", script], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    def command(self, build, folder):
        return ["sh", "-ec", self.script]

    def measure(self, method, build, folder):
        self.run_unwatched(self.again, folder)
        return super().measure(method, build, folder)


NGINX = """mkdir -p www logs; echo hello >www/index.html
cat >nginx.conf <<END
worker_processes 1; daemon off; pid @DIR@/nginx.pid; error_log @DIR@/error.log;
events { worker_connections 512; }
http { access_log off; client_body_temp_path @DIR@/b; proxy_temp_path @DIR@/p; fastcgi_temp_path @DIR@/f;
  uwsgi_temp_path @DIR@/u; scgi_temp_path @DIR@/s;
  server { listen 127.0.0.1:@PORT@; root @DIR@/www; } }
END
chmod -R a+rX ."""


def c_project(files):
    """Shell commands that write a project of so many small C files, and its makefile."""
    return f"""mkdir -p project; for i in $(seq {files}); do
  printf '#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\nint f%d(int x){{return x+%d;}}\\n' $i $i >project/f$i.c; done
echo 'int main(void){{return 0;}}' >project/main.c
printf 'OBJECTS := $(patsubst %%.c,%%.o,$(wildcard *.c))\\nprogram: $(OBJECTS)\\n\\t$(CC) -o $@ $^\\n' >project/Makefile"""


MAKE = "make -C project -s CC=gcc"
UNMAKE = "rm -f project/*.o project/program"


def execs(count):
    return f"i=0; while [ $i -lt {count} ]; do /bin/true; i=$((i+1)); done"


PYTHON_IMPORTS = ("import asyncio, concurrent.futures, csv, ctypes, curses, dbm, decimal, difflib, email.mime.text, "
                  "ftplib, http.server, imaplib, json, logging.config, mailbox, multiprocessing.pool, "
                  "optparse, pdb, pickletools, platform, plistlib, pydoc, sqlite3, ssl, statistics, tarfile, "
                  "telnetlib, tempfile, unittest.mock, urllib.request, uuid, wave, "
                  "xml.dom.minidom, xml.sax, xmlrpc.server, zipfile")

POSTGRES = next((path for path in ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin")
                 if os.path.isdir(path)), "/usr/lib/postgresql/bin")

AS_POSTGRES = "runuser -u postgres --"
# What a server does now and then by itself would fall into the bursts of one server and not of another.
POSTGRES_QUIET = "-c fsync=off -c autovacuum=off -c checkpoint_timeout=1h"

ALL = [
    Load("200,000 open+close of 100 files", "open", 1.10, peers=False, files=100, TIMES=200000),
    Load("5,000 open+close of 100 files", "open", files=100, TIMES=5000),
    Load("100,000 distinct files opened once", "open", 1.15, peers=False, files=100000, TIMES=100000),
    Load("5,000 distinct files opened once", "open", files=5000, TIMES=5000),
    Load("4 threads, 50,000 open+close each", "threads", peers=False, files=100, TIMES=50000),
    Load("200,000 stat of 100 files", "stat", peers=False, files=100, TIMES=200000),
    Load("create, write, rename, delete 5,000 files", "change", files=0, peers=False),
    Load("1,000 posix_spawn of /bin/true", "spawn", 1.20, peers=False, starts=(1000, 60), TIMES=1000),
    Load("100 posix_spawn of /bin/true", "spawn", TIMES=100),
    Load("20,000 connects", "connect", peers=False, TIMES=20000),
    Shell("cp -r of 20,000 small files", "cp -r files copy", bar=1.10, peers=False, memory=True, again="rm -rf copy",
          setup="mkdir -p files; for d in $(seq 100); do mkdir files/$d; (cd files/$d && seq 1000 | split -l 5 -a 3); done"),
    Shell("shell script of 600 execs", execs(600), bar=1.15, peers=False),
    Shell("shell script of 100 execs", execs(100)),
    Shell("python3 importing its library", f"{shutil.which('python3', path='/usr/bin') or sys.executable} -c '{PYTHON_IMPORTS}'", bar=1.05),
    Shell("gcc and make of a 100-file project", MAKE, setup=c_project(100), bar=1.05, again=UNMAKE, peers=False),
    Shell("gcc and make of a 10-file project", MAKE, setup=c_project(10), again=UNMAKE),
    Served("nginx, requests", "/usr/sbin/nginx -p @DIR@ -c @DIR@/nginx.conf",
           "wrk -t1 -c16 -d1s http://127.0.0.1:@PORT@/", r"Requests/sec:\s+([\d.]+)",
           r"(\d+) requests in", 0.98, setup=NGINX, stop=signal.SIGQUIT),
    *(Served(f"redis-benchmark {verb.upper()}", "redis-server --port @PORT@ --save '' --appendonly no",
             f"redis-benchmark -p @PORT@ -t {verb} -n 50000 -q", r"([\d.]+) requests per second", 50000, 0.98)
      for verb in ("set", "get")),
    Served("postgres pgbench", f"{POSTGRES}/postgres -D @DIR@/data -p @PORT@ -k @DIR@ {POSTGRES_QUIET}",
           f"{AS_POSTGRES} pgbench -h 127.0.0.1 -p @PORT@ -n -c 2 -T 1 -S postgres", r"tps = ([\d.]+)",
           r"actually processed: (\d+)", 0.98, user="postgres", stop=signal.SIGINT,
           setup=f"chown -R postgres . ; {AS_POSTGRES} {POSTGRES}/initdb -D data -A trust >/dev/null",
           ready=f"{AS_POSTGRES} pgbench -h 127.0.0.1 -p @PORT@ -i -q -s 1 postgres"),
]

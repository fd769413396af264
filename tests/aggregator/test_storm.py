#!/usr/bin/env python3
"""A storm of short real processes while footprintd is killed again and again: nothing is missing."""
import os, random, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer import *

LONG = os.environ.get("FOOTPRINT_TEST_LONG") == "1"
PROCESSES = 10000 if LONG else 1500
KILLS = 100 if LONG else 12


def storm(daemon, files):
    """Each file is opened by a `cat` of its own, some relative to a directory."""
    environment = {"PATH": os.environ["PATH"], "LD_PRELOAD": BUILD + "/libfootprint.so",
                   "FOOTPRINT_SOCKET": daemon.socket, "FOOTPRINT_APP": "app",
                   "FOOTPRINT_VERSION": "1"}
    script = "cd '%s' && for i in $(seq %d); do cat \"$i\"; done" % (files, PROCESSES)
    return subprocess.Popen(["sh", "-c", script], env=environment)


def main():
    if not os.path.exists(BUILD + "/libfootprint.so"):
        print("libfootprint.so: not built")
        sys.exit(77)
    dice = random.Random(3)
    daemon = Daemon(interval="0.2")
    files = daemon.directory + "/files"
    os.mkdir(files)
    for i in range(1, PROCESSES + 1):
        open("%s/%d" % (files, i), "w").close()
    try:
        process = storm(daemon, files)
        for _ in range(KILLS):
            # An instant of any kind, from the middle of starting to the middle of a snapshot.
            time.sleep(dice.random() * 0.5)
            daemon.kill()
            daemon.start()
        assert process.wait(600) == 0
        assert daemon.stop() == 0, daemon.stderr()
        manifest = daemon.manifest()
        missing = [i for i in range(1, PROCESSES + 1)
                   if not has_file(manifest, "%s/%d" % (files, i))]
        assert not missing, "%d missing: %s" % (len(missing), missing[:20])
        assert "gaps {" not in manifest, re.findall(r"gaps \{[^}]*\}", manifest)
        left = set(os.listdir(daemon.spool)) - {"directories"}
        assert not left, left
        print("ok")
    finally:
        daemon.remove()


main()

"""The independent judge: what strace saw of a run, against what the manifest says of the same run.

Start here. strace.py reads a trace; tasks.py follows its processes; accesses.py turns calls into
accesses as doc/facts.md says; paths.py and elf.py find where a path leads; seen.py makes the
canonical sets; said.py reads the same sets out of `footprint show --json`; compare.py sets one
against the other. workloads.py, places.py and runner.py make the runs.

Nothing here shares code or tables with the C sources: what both got wrong alike could not show.
"""

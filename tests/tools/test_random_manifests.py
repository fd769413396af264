#!/usr/bin/env python3
"""Random manifests: merge gives what the model of facts.py says, in any order; diff has the same changes in both
directions, and nothing is removed by merging; and each step that why gives for something is true.
FOOTPRINT_TEST_SEED=N repeats one."""
# time-limit: 300
import collections
import json
import os
import random
import tempfile
import unittest

import facts
import manifests

ROUNDS = 400 if os.environ.get("FOOTPRINT_TEST_LONG") else 40
SEEDS = [int(os.environ["FOOTPRINT_TEST_SEED"])] if "FOOTPRINT_TEST_SEED" in os.environ else range(1, ROUNDS + 1)
SWAPPED = {"added": "removed", "removed": "added", "changed": "changed", "moved": "moved"}


def escaped(path):
    """A path in JSON."""
    return path.decode(errors="surrogateescape").replace("\\", "\\\\").encode(errors="surrogateescape").decode(
        errors="backslashreplace")


def identity(group, side):
    """What tells an entry of a diff from others of its group; None: there is no such side."""
    keys = {"packages": ("manager", "name", "version", "architecture"), "endpoints": ("operation", "address"),
            "gaps": ("kind", "path", "detail")}.get(group, ("path",))
    if isinstance(side, str):
        return (side,)
    return side and tuple(side.get(key, "") for key in keys)


class Random(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, one):
        path = os.path.join(self.folder, name)
        manifests.write(path, one.shown())
        return path

    def each(self, n, check):
        """Checks, for each seed, that many random manifests: their facts, and their files."""
        for seed in SEEDS:
            dice = random.Random(seed)
            with self.subTest(seed=seed):
                several = [facts.random_facts(dice) for _ in range(n)]
                check(dice, several, [self.write(str(number), one) for number, one in enumerate(several)])

    def merged(self, files):
        out = os.path.join(self.folder, "merged")
        done = manifests.footprint("merge", "-o", out, *files)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def diff(self, old, new):
        done = manifests.footprint("diff", "--json", old, new)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        view = json.loads(done.stdout)
        self.assertEqual(view["same"], done.returncode == 0)
        return {(group, one["change"], identity(group, one.get("old")), identity(group, one.get("new")),
                 frozenset(one.get("what", ())))
                for group, changes in view.items() if isinstance(changes, list) for one in changes}

    def test_merge_does_what_the_model_says(self):
        def check(dice, several, files):
            first, second, third = several
            dice.shuffle(files)
            files.append(dice.choice(files))
            self.assertEqual(manifests.unzstd(self.merged(files)),
                             manifests.packed(first.merge(second).merge(third).shown()))
        self.each(3, check)

    def test_diff_is_the_same_both_ways(self):
        seen = set()

        def check(_dice, _several, files):
            forth, back = self.diff(*files), self.diff(*reversed(files))
            self.assertEqual(forth, {(group, SWAPPED[change], before, after, what)
                                     for group, change, after, before, what in back})
            self.assertEqual(self.diff(files[0], files[0]), set())
            seen.update((group, change) for group, change, *_ in forth)
        self.each(2, check)
        if len(SEEDS) > 1:
            self.assertLessEqual({("files", "changed"), ("libraries", "changed"), ("packages", "changed")}, seen)

    def test_merging_removes_nothing(self):
        def check(_dice, _several, files):
            # Another look may have named another package for a file.
            removed = [change for change in self.diff(files[0], self.merged(files))
                       if change[1] in ("removed", "moved") and change[0] != "packages"]
            self.assertEqual(removed, [])
        self.each(2, check)

    def test_every_reason_is_true(self):
        asked = 0

        def check(_dice, several, files):
            nonlocal asked
            one, merged = several[0].merge(several[1]), self.merged(files)
            for name in [*sorted(one.files | set(one.programs) | one.missing | set(one.libraries)), *facts.SONAMES,
                         *facts.ADDRESSES]:
                done = manifests.footprint("why", "--json", merged, name)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                if done.returncode == 0:
                    asked += 1
                    answer = json.loads(done.stdout)
                    for chain in [answer, *answer["also"]]:
                        self.check_chain(one, chain["chain"])
        self.each(2, check)
        self.assertGreater(asked, len(SEEDS))

    def check_chain(self, one, chain):
        paths = {escaped(path): path for path in one.files | set(one.programs) | one.missing | set(one.libraries)}
        program = before = None
        for number, step in enumerate(chain):
            path = paths.get(step.get("path"))
            if step["step"] in ("began", "appeared"):
                self.assertEqual((number, bool(one.programs[path][3])), (0, step["step"] == "began"), chain)
            elif number or "address" not in step:
                getattr(self, "check_" + step["step"])(one, program, before, path or step, number)
            if path in one.programs and step["step"] in ("began", "appeared", "executed", "interpreted"):
                program = path
            before = path

    def check_executed(self, one, program, before, path, _):
        self.assertIn((before, path), one.executes)
        self.assertEqual(before, program)

    def check_interpreted(self, one, program, _before, path, _):
        links = {link: look[4] for link, look in one.attributes.items() if look[4]}
        self.assertEqual(resolved(links, one.programs[program][0]), path)

    def check_load(self, one, program, before, path, ways):
        loaders = {(loaded, requester) for library, by, loaded, requester in one.loaders
                   if (library, by) == (path, program)}
        self.assertTrue({loaded for loaded, _ in loaders} & ways, (program, path))
        if before != program:
            names = {one.libraries[path][0], path.rpartition(b"/")[2].decode()} - {""}
            self.assertTrue(any(requester == before for _, requester in loaders)
                            or names & set(one.libraries[before][2]), (before, path))

    def check_needs(self, one, program, before, path, _):
        self.check_load(one, program, before, path, {0, 1})

    def check_dlopened(self, one, program, before, path, _):
        self.check_load(one, program, before, path, {1})

    def check_unobserved(self, one, program, before, path, _):
        self.check_load(one, program, before, path, {2})

    def check_loaded(self, one, program, before, path, _):
        self.assertEqual(before, program)
        self.check_load(one, program, before, path, {0})

    def check_used(self, one, program, _before, path, number):
        if number:  # else nobody is known to have used it
            self.assertIn((path, program), one.uses)

    def check_missed(self, one, program, _before, path, number):
        if number:
            self.assertIn((path, program), one.looked)

    def check_connected(self, one, program, _before, step, _):
        operation = facts.OPERATIONS.index("OPERATION_" + step["operation"].upper())
        self.assertIn(((operation, step["address"]), program), one.connected)


def resolved(links, path):
    """Where a path leads, with these symlinks."""
    done, rest, followed = [], collections.deque(path.split(b"/")), 0
    while rest:
        name = rest.popleft()
        if name in (b"", b".", b".."):
            done = done[:-1] if name == b".." else done
            continue
        done.append(name)
        target = links.get(b"/" + b"/".join(done))
        if target and followed < 40:
            followed += 1
            done = [] if target.startswith(b"/") else done[:-1]
            rest.extendleft(reversed(target.split(b"/")))
    return b"/" + b"/".join(done)


if __name__ == "__main__":
    manifests.main()

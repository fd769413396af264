"""Random facts of a manifest, in a model of its own: what manifests mean, by manifest.proto, footprint-manifest(5)
and doc/decisions/manifest-format.md, and not by the code."""
ACCESS_CHANGES, ACCESS_LOAD, ACCESS_UNOBSERVED = 2 | 4 | 8 | 16, 128, 1024
TYPES = ["TYPE_UNKNOWN", "TYPE_FILE", "TYPE_DIRECTORY", "TYPE_SYMLINK", "TYPE_FIFO"]
FILE, SYMLINK = 1, 3
LOADED = ["LOADED_NEEDED", "LOADED_DLOPEN", "LOADED_UNOBSERVED"]
UNOBSERVED = 2
OPERATIONS = ["OPERATION_NONE", "OPERATION_CONNECT", "OPERATION_BIND", "OPERATION_SEND"]
WATCHED = ["WATCHED_NONE", "WATCHED_PRELOAD", "WATCHED_SUPERVISED"]

PROGRAMS = [b"/usr/bin/p1", b"/usr/bin/p2", b"/usr/bin/app-1.2", b"/usr/bin/app-1.3", b"/opt/x/p1", b"/bin/script"]
LIBRARIES = [b"/usr/lib/liba.so.1.2", b"/usr/lib/liba.so.1.3", b"/opt/lib/liba.so.1.2", b"/usr/lib/libb.so",
             b"/usr/lib/x/libb.so", b"/usr/lib/libc.so.6"]
SONAMES = ["liba.so.1", "libb.so", "libc.so.6"]
PATHS = [b"/etc/a", b"/etc/b", b"/data/\xff\xfe", b"/data/v1", b"/data/v2", b"/link", *PROGRAMS[:4],
         *LIBRARIES[:4]]
MISSING = [b"/none/a", b"/none/b", b"/etc/a", b"/usr/lib/libb.so"]
ADDRESSES = ["1.2.3.4:5", "unix:@name", "unix:/run/socket"]
PACKAGES = [("dpkg", "a", "1", "amd64"), ("dpkg", "a", "2", "amd64"), ("dpkg", "b", "1", "all"),
            ("rpm", "a", "1", "x86")]


class Facts:
    """Unions and maxima only: merging two is adding all facts of both."""

    def __init__(self):
        self.runs, self.gaps, self.programs, self.attributes, self.content, self.libraries, self.uses = (
            {} for _ in range(7))
        self.files, self.executes, self.loaders, self.endpoints, self.connected, self.missing, self.looked = (
            set() for _ in range(7))

    def merge(self, other):
        """The facts of both."""
        both = Facts()
        for name, mine in vars(self).items():
            theirs = getattr(other, name)
            if isinstance(mine, set):
                setattr(both, name, mine | theirs)
            elif name in ("runs", "programs"):  # each number for itself
                setattr(both, name, {key: tuple(map(max, mine.get(key) or theirs[key], theirs.get(key) or mine[key]))
                                     for key in {**mine, **theirs}})
            elif name == "uses":
                setattr(both, name, {key: mine.get(key, 0) | theirs.get(key, 0) for key in {**mine, **theirs}})
            else:
                setattr(both, name, {key: max(side[key] for side in (mine, theirs) if key in side)
                                     for key in {**mine, **theirs}})
        return both

    def shown(self):
        """The manifest, as manifests.py has it."""
        names = sorted(self.programs)
        number = {name: i for i, name in enumerate(names)}

        def users(pairs, owner):
            return sorted(number[by] for one, by in pairs if one == owner)

        packages = sorted({look[5] for look in self.attributes.values() if look[5]})
        return {
            "schema": 1, "application": "app", "version": "1",
            "runs": [{"host": host, "started_ns": started, "ended_ns": run[0], "processes": run[1], "records": run[2]}
                     for (host, started), run in sorted(self.runs.items())],
            "gaps": [{"kind": kind, "path": path, "detail": detail, "count": count}
                     for (kind, path, detail), count in sorted(self.gaps.items())],
            "executables": [{"path": name, "interpreter": interpreter, "executes": users(self.executes, name),
                             "runs": runs, "watched": (WATCHED[watched],), "first": bool(first)}
                            for name, (interpreter, runs, watched, first) in sorted(self.programs.items())],
            "packages": [dict(zip(("manager", "name", "version", "architecture"), one)) for one in packages],
            "files": [self.file(path, number, packages) for path in sorted(self.files)],
            "libraries": [self.library(path, number) for path in sorted(self.libraries)],
            "endpoints": [{"operation": (OPERATIONS[one[0]],), "address": one[1], "by": users(self.connected, one)}
                          for one in sorted(self.endpoints)],
            "missing": [{"path": path, "by": users(self.looked, path)} for path in sorted(self.missing)],
        }

    def file(self, path, number, packages):
        """What was loaded is not unobserved; what the application changes has no content."""
        uses = sorted((number[by], access) for (one, by), access in self.uses.items() if one == path)
        hidden = {by: ACCESS_UNOBSERVED if access & ACCESS_LOAD else 0 for by, access in uses}
        one = {"path": path, "uses": [{"by": by, "access": access & ~hidden[by]} for by, access in uses]}
        if path in self.attributes:
            kind, mode, uid, gid, target, package = self.attributes[path]
            one |= {"type": (TYPES[kind],), "target": target, "present": True, "mode": mode, "uid": uid, "gid": gid,
                    "package": packages.index(package) + 1 if package else 0}
            if kind == FILE and not any(access & ACCESS_CHANGES for _, access in uses):
                one |= {"sha256": self.content[path][0], "size": self.content[path][1]}
        return one

    def library(self, path, number):
        soname, build_id, needed = self.libraries[path]
        loaders = sorted((number[by], loaded, requester) for one, by, loaded, requester in self.loaders if one == path)
        observed = {by for by, loaded, _ in loaders if loaded != UNOBSERVED}
        return {"path": path, "soname": soname, "needed": list(needed), "build_id": build_id,
                "loaders": [{"by": by, "loaded": (LOADED[loaded],), "requester": requester}
                            for by, loaded, requester in loaders if loaded != UNOBSERVED or by not in observed]}


def times(dice, most, least=0):
    return range(dice.randint(least, most))


def random_files(dice, facts, program):
    for _ in times(dice, 10):
        path = dice.choice(PATHS)
        facts.files.add(path)
        if dice.random() < 0.8:
            kind = dice.choice([FILE, FILE, FILE, *range(FILE, len(TYPES))])
            target = dice.choice([b"/etc/a", b"x", b"../b", b"/data/v1"]) if kind == SYMLINK else b""
            facts.content[path] = (dice.choice([b"", bytes([dice.randint(1, 3)]) * 32]), dice.randint(0, 3))
            facts.attributes[path] = (kind, dice.choice([0o644, 0o755]), dice.randint(0, 1), dice.randint(0, 1), target,
                                      dice.choice([(), *PACKAGES]))
        for _ in times(dice, 3 if program else 0):
            key = (path, program())
            facts.uses[key] = facts.uses.get(key, 0) | 1 << dice.randint(0, 10)


def random_libraries(dice, facts, program):
    for _ in times(dice, 6):
        path = dice.choice(LIBRARIES)
        facts.libraries[path] = (dice.choice(["", *SONAMES]), dice.choice(["", "00", "ff"]),
                                 tuple(dice.sample(SONAMES, dice.randint(0, 2))))
        for _ in times(dice, 3 if program else 0):
            by = program()
            facts.loaders.add((path, by, dice.randint(0, 2), dice.choice([b"", by, *LIBRARIES])))


def random_facts(dice):
    """They overlap a lot, so that unions, maxima and conflicts all occur."""
    facts = Facts()
    names = dice.sample(PROGRAMS, dice.randint(0, len(PROGRAMS)))
    program = (lambda: dice.choice(names)) if names else None
    for name in names:
        interpreter = dice.choice([b"", b"/lib64/ld.so", b"/bin/sh", b"/usr/bin/p1"])
        facts.programs[name] = (interpreter, dice.randint(0, 3), dice.randint(0, 2), dice.randint(0, 1))
    random_files(dice, facts, program)
    random_libraries(dice, facts, program)
    for _ in times(dice, 4):
        endpoint = (dice.randint(1, 3), dice.choice(ADDRESSES))
        facts.endpoints.add(endpoint)
        path = dice.choice(MISSING)
        facts.missing.add(path)
        facts.gaps[(dice.choice(["sites", "no-hello"]), dice.choice([b"", PROGRAMS[0]]), dice.choice(["", "d"]))] = (
            dice.randint(0, 5))
        facts.runs[(dice.choice(["h1", "h2"]), dice.randint(0, 3))] = tuple(dice.randint(0, 5) for _ in range(3))
        if program:
            facts.executes.add((program(), program()))
            facts.connected.add((endpoint, program()))
            facts.looked.add((path, program()))
    return facts

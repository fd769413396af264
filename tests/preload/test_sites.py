#!/usr/bin/env python3
"""The system calls inside libc are recorded, and behave as if nothing had happened to them.

Under glibc 2.31, 2.36 and 2.41 and under musl: everything strace sees of programs that look things up
inside libc is in the records; sites/behaviour.c behaves with the library as without. Then what cannot
be redirected, and where known sites are.
"""
# time-limit: 600
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sites_world
from recorder_receiver import CHECKSUM_START, checksum_add
from sites_world import HERE, LIBRARY

COMMANDS = [
    ["getent", "passwd"], ["getent", "group", "root"], ["getent", "hosts", "localhost"],
    ["getent", "services", "http"], ["date"], ["ls", "-l", "/etc"], ["id"], ["readlink", "-f", "/bin/sh"],
    ["iconv", "-f", "LATIN1", "-t", "UTF-16", "/etc/hostname"], ["sh", "-c", "ls / | sort | wc -l"],
    ["find", "/etc", "-maxdepth", "1", "-name", "x*"], ["tar", "cf", "/dev/null", "/etc/apt"],
    ["perl", "-e", "print scalar(getpwuid(0)), -e '/etc/none'; system('true'); opendir(D, '/etc');"],
    ["env", "TZ=Europe/Berlin", "date"], ["df"], ["chmod", "--changes", "0", "/etc/none/x"],
]
SCRIPT = os.path.join(HERE, "../../preload/sites/sites_known.py")
REFUSED = 1 << 31
failures = []


def expect(what, condition, detail=""):
    if not condition:
        failures.append(f"{what} {detail}")


def access_matters(fact):
    """Is the access to be compared? What hooks and sites call the open of a directory may differ from
    strace."""
    words, path, outcome = fact
    return words.replace("list", "read"), os.path.normpath(path), outcome


def test_everything_is_recorded(world, commands):
    for command in commands:
        seen, recorded = world.judged(command)
        have = {access_matters(fact) for fact in recorded}
        paths = {(path, outcome) for _, path, outcome in have}
        for fact in sorted(seen):
            words, path, outcome = access_matters(fact)
            if words == "exec":
                # A successful execution belongs to the next image; the record says what was tried.
                expect(f"{world.name}: {' '.join(command)}: not recorded:",
                       any(w == "exec" and p == path for w, p, _ in have), fact)
            elif (words, path, outcome) not in have:
                expect(f"{world.name}: {' '.join(command)}: not recorded:",
                       (path, "") in paths, fact)
        expect(f"{world.name}: {' '.join(command)}", seen, "strace saw nothing")


def test_behaviour(world):
    program = world.compile(os.path.join(HERE, "sites", "behaviour.c"))
    for test in ("cancel", "cancel_anywhere", "interrupted", "restarted", "jump", "nested", "trace",
                 "steps", "execute"):
        bare = world.bare([program, test, world.fifo])
        result, _, _, details = world.run([program, test, world.fifo])
        expect(f"{world.name}: {test}:", result.returncode == bare.returncode,
               f"{result.returncode} instead of {bare.returncode}: {result.stderr.decode()}")
        expect(f"{world.name}: {test}: gaps", not details, details)
        expect(f"{world.name}: {test}: bare", bare.returncode in (0, 77), bare.stderr.decode())


def test_bad_pointers(world):
    kernel = () if world.root else ("-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu")
    program = world.compile(os.path.join(HERE, "sites", "pointers.c"), *kernel)
    bare = world.bare([program])
    result, _, _, _ = world.run([program])
    expect(f"{world.name}: bad pointers:", bare.stdout and (bare.returncode, bare.stdout) ==
           (result.returncode, result.stdout), f"{bare} {result}")


def test_turned_off(world, program):
    _, facts, gaps, details = world.run(program, FOOTPRINT_SITES="0")
    expect(f"{world.name}: turned off", any("FOOTPRINT_SITES=0" in d for d in details), gaps)
    expect(f"{world.name}: turned off", not any("nsswitch.conf" in f[1] for f in facts),
           "and yet libc's own opens are seen: the other tests would prove nothing")


def test_code_may_not_be_written(world, scratch):
    """PR_SET_MDWE, as systemd's MemoryDenyWriteExecute: a gap, and everything works."""
    source = os.path.join(scratch, "mdwe.c")
    with open(source, "w") as file:
        file.write("#include <sys/prctl.h>\n#include <unistd.h>\n"
                   "int main(int c, char **v) { (void)c;\n"
                   "if (prctl(65, 1, 0, 0, 0)) return 77; execvp(v[1], v + 1); return 1; }\n")
    program = world.compile(source)
    command = ["getent", "passwd", "root"]
    mapped, lines, _ = mapped_pages(world)
    path = pages_file(world, mapped)
    result, facts, _, details = world.run(command, wrapper=[program])
    if result.returncode == 77:
        print("this kernel has no PR_SET_MDWE, left out")
        return
    expect("no write:", result.returncode == 0 and b"root:" in result.stdout, result)
    expect("no write:", any("may not be written" in d for d in details), details)
    expect("no write: mapped pages go on", any("nsswitch.conf" in f[1] for f in facts), facts)
    os.unlink(path)
    os.mkdir(path)
    result, facts, _, details = world.run(["cat", "/etc/passwd"], wrapper=[program])
    expect("no write, no pages:", result.returncode == 0 and b"root:" in result.stdout, result)
    expect("no write, no pages:", any("may not be written" in d for d in details), details)
    expect("no write, no pages: hooks go on", any("/etc/passwd" in f[1] for f in facts))
    os.rmdir(path)


LIBC = "/lib/x86_64-linux-gnu/libc.so.6"


MUSL = "/lib/x86_64-linux-musl/libc.so"


def libc_with_build_id(folder, identity, libc=LIBC, change=lambda content: content, name="libc.so.6"):
    """Makes a copy of this machine's libc with another build-id, and further changes."""
    notes = subprocess.run(["readelf", "-nW", libc], check=True, text=True, stdout=subprocess.PIPE)
    own = bytes.fromhex(re.search(r"Build ID: (\w{40})", notes.stdout)[1])
    with open(libc, "rb") as file:
        content = file.read()
    assert content.count(own) == 1
    os.mkdir(folder)
    copy = os.path.join(folder, name)
    with open(copy, "wb") as file:
        file.write(change(content.replace(own, identity)))
    os.chmod(copy, 0o755)
    return copy


def offsets_kept(path):
    """The offsets in a file that keeps what a search has found."""
    with open(path, "rb") as file:
        content = file.read()
    return struct.unpack_from(f"<{FILE_HEAD.unpack_from(content)[3]}I", content, FILE_HEAD.size)


def sites_by_objdump(path):
    found = subprocess.run([SCRIPT, "x=" + path], check=True, text=True, stdout=subprocess.PIPE).stdout
    return [int(word, 16) for word in re.findall(r"0x\w+", re.search(r"SITES\(ID\(.*?\),(.*)\)", found, re.S)[1])]


def test_a_search_finds_what_objdump_finds(world):
    """In a libc with an unknown build-id, a search finds what objdump finds, and takes no site for one
    that is jumped into."""
    identity = bytes(range(1, 21))
    folder = os.path.join(world.folder, "searched")
    libc_with_build_id(folder, identity, (world.root or "") + LIBC)
    _, _, _, details = world.run(["true"], LD_LIBRARY_PATH=os.path.join(world.inside, "searched"))
    kept = offsets_kept(os.path.join(world.folder, f"libfootprint.so.sites-{identity.hex()}"))
    expected = sites_by_objdump(os.path.join(folder, "libc.so.6"))
    expect("search:", set(expected) <= set(kept), [hex(offset) for offset in set(expected) - set(kept)])
    expect("search: not refused:", not details and all(offset < REFUSED for offset in kept),
           f"{details} {[hex(offset) for offset in kept]}")


def test_an_unknown_musl(world, program):
    """An unknown musl is searched, too, and there is a stub for everything that looks like a site. This
    musl is the program's linker, so it is told to run the program."""
    linker = libc_with_build_id(os.path.join(world.folder, "unknown"), bytes(range(2, 22)), MUSL, name="libc.so")
    _, expected, _, _ = world.run([program])
    result, facts, _, details = world.run([linker, program])
    missed = {fact for fact in expected - facts if fact[1] not in (program, MUSL, "/lib/ld-musl-x86_64.so.1")}
    expect("unknown musl:", result.returncode == 0 and not details, f"{details} {result}")
    expect("unknown musl: not recorded:", len(expected) > 5 and not missed, missed)
    # If it cannot be told from other libraries, nothing of it is seen, and that is a gap.
    renamed = os.path.join(world.folder, "unknown", "other.so")
    os.rename(linker, renamed)
    result, _, _, details = world.run([renamed, program])
    expect("renamed musl:", result.returncode == 0 and "no libc was found by its name" in details, f"{details}")


def near_execve(content, make):
    """The content, with the bytes of `make` in the padding behind execve's site; `make` gets the addresses
    of the site and of that place. (Code has the same offsets in the file and in memory.)"""
    site = content.index(bytes.fromhex("b83b0000000f05483d01f0ffff")) + 5
    padding = re.compile(rb"\xc3(?:\x66\x2e\x0f\x1f\x84\0{5}|\x0f\x1f\x84\0{5})").search(content, site)
    assert padding.start() < site + 100, padding
    place = padding.start() + 1
    what = make(site, place)
    assert len(what) <= 8
    return content[:place] + what + content[place + len(what):]


def test_code_that_seems_to_be_jumped_into(world, scratch):
    """A site of execve that is jumped into is left alone, which is a gap, and its hook records what
    system() executes. Something that only looks like a jump, the displacement of a mov, changes
    nothing."""
    source = os.path.join(scratch, "shell.c")
    with open(source, "w") as file:
        file.write("#include <stdlib.h>\nint main(void) { return system(\"true\"); }\n")
    command = [world.compile(source)]

    def jump(site, place):
        return bytes([0x74, site + 2 - (place + 2) & 0xff])

    def move(site, place):
        return bytes.fromhex("488b15") + bytes([0x74, site + 3 - (place + 5) & 0xff, 5, 0])

    for name, make, refused in (("jump", jump, True), ("move", move, False)):
        folder = os.path.join(scratch, "jumped-" + name)
        libc_with_build_id(folder, os.urandom(20), change=lambda content: near_execve(content, make))
        result, facts, _, details = world.run(command, LD_LIBRARY_PATH=folder)
        expect(f"{name}: works:", result.returncode == 0, result)
        expect(f"{name}: recorded:", any(f[0] == "exec" and f[1] == "/bin/sh" for f in facts), facts)
        expect(f"{name}: a gap:", any("jump into" in detail for detail in details) == refused, details)


def test_other_builds(world, scratch):
    """An unknown build is searched. One that claims a known build-id is not written where it differs."""
    command = ["getent", "passwd", "root"]
    unknown, poisoned = os.path.join(scratch, "unknown"), os.path.join(scratch, "poisoned")
    libc_with_build_id(unknown, bytes(20))
    _, expected, _, _ = world.run(command)
    result, facts, _, details = world.run(command, LD_LIBRARY_PATH=unknown)
    missed = {fact for fact in expected - facts
              if not re.search(r"libc\.so\.6|/ld\.so\.cache", fact[1])}
    expect("unknown build:", result.returncode == 0 and not details, f"{details} {result}")
    expect("unknown build: not recorded:", not missed, missed)

    with open(os.path.join(HERE, "../../preload/sites/sites_known.def")) as file:
        other = re.search(r"Debian 11.*libc.so.6 \*/\s+SITES\(ID\((.*?)\)", file.read(), re.S)[1]
    libc_with_build_id(poisoned, bytes(int(byte, 16) for byte in other.split(",")))
    result, _, _, details = world.run(command, LD_LIBRARY_PATH=poisoned)
    expect("poisoned build-id:", result.returncode == 0 and b"root:" in result.stdout, result)
    expect("poisoned build-id:", any("not what its build-id says" in d for d in details), details)


FILE_HEAD = struct.Struct("<Q24s20sI")
FILE_OFFSETS = 96


def checksum(content):
    return struct.pack("<Q", checksum_add(CHECKSUM_START, content))


def file_of(content, offsets, **change):
    """A file like this one, with other offsets, and a correct checksum."""
    magic, version, identity, _ = FILE_HEAD.unpack_from(content)
    head = FILE_HEAD.pack(magic, change.get("version", version), change.get("identity", identity),
                          change.get("count", len(offsets)))
    body = head + struct.pack(f"<{FILE_OFFSETS}I", *offsets, *[0] * (FILE_OFFSETS - len(offsets)))
    return body + checksum(body)


def written(content, mode=0o644, owner=0):
    """A function that writes such a file."""
    def put(path):
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        os.chown(path, owner, owner)
    return put


def poisons(good, offsets, identity):
    """Files that must not change what is recorded: for each name, how it is put in the place of a good
    one."""
    few = file_of(good, offsets[:1])

    def linked(path):
        written(few)(path + ".aside")
        os.symlink(path + ".aside", path)

    yield "empty", written(b"")
    yield "garbage", written(os.urandom(len(good)))
    yield "cut short", written(good[:-1])
    yield "too long", written(few + b"\0")
    yield "a bit flipped", written(good[:60] + bytes([good[60] ^ 4]) + good[61:])
    yield "fewer sites than it says", written(few[:52] + struct.pack("<I", 2) + few[56:])
    yield "of another build", written(file_of(good, offsets[:1], identity=identity[::-1]))
    yield "of another library", written(file_of(good, offsets[:1], version=b"0.0.0"))
    yield "no site at all", written(file_of(good, []))
    yield "more sites than there may be", written(file_of(good, offsets, count=FILE_OFFSETS + 1))
    yield "sites that are none", written(file_of(good, [offset + 1 for offset in offsets]))
    yield "sites outside the code", written(file_of(good, [0, 0x7fffffff, 0xffffffff]))
    yield "another user's", written(few, owner=12345)
    yield "everyone's to write", written(few, mode=0o646)
    yield "a symlink", linked
    yield "a FIFO", os.mkfifo
    yield "a directory", os.mkdir


def traced(world, command, log, **settings):
    """A run under strace, which shows how the file is written and read."""
    result, facts, _, details = world.run(command, wrapper=["strace", "-f", "-o", log, "-e",
                                          "trace=openat,rename"], **settings)
    with open(log) as file:
        return result, facts, details, [line for line in file if ".sites-" in line]


def test_what_was_found_is_kept(world, scratch):
    """The first start of an unknown build searches it, later ones need not. A file that anybody else may
    have written changes nothing."""
    command, identity = ["getent", "passwd", "root"], bytes(range(20))
    folder, log = os.path.join(scratch, "kept"), os.path.join(scratch, "kept.log")
    libc_with_build_id(folder, identity)
    path = f"{world.library}.sites-{identity.hex()}"
    # Prevents mapped pages (below), whose table would say where the sites are.
    os.mkdir(f"{world.library}.pages-{identity.hex()}")

    def run():
        return world.run(command, LD_LIBRARY_PATH=folder)

    _, first, _, calls = traced(world, command, log, LD_LIBRARY_PATH=folder)
    expect("kept: written whole:", any("rename(" in call and call.endswith("= 0\n") for call in calls), calls)
    with open(path, "rb") as file:
        good = file.read()
    expect("kept: mode:", os.stat(path).st_mode & 0o7022 == 0, oct(os.stat(path).st_mode))
    offsets = offsets_kept(path)
    with open(os.path.join(folder, "libc.so.6"), "rb") as file:
        code = file.read()
    # Since glibc 2.41, cancellable calls go through one function, whose callers are sites of their own kind.
    expect("kept: sites:", offsets and all(code[o:o + 2] == b"\x0f\x05" or code[o] == 0xe8 for o in offsets), offsets)
    expect("kept: checksum:", file_of(good, offsets) == good)
    # Of a particular call: not followed by pop %rbx; ret, the end of a function that makes any call.
    plain = [o for o in offsets if code[o:o + 2] == b"\x0f\x05" and code[o + 2:o + 4] != b"\x5b\xc3"]

    _, second, _, calls = traced(world, command, log, LD_LIBRARY_PATH=folder)
    expect("kept: read, not written:", len(calls) == 1 and "O_RDONLY" in calls[0], calls)
    expect("kept: the same is recorded:", second == first, second ^ first)

    # A file that root has made is believed, which shows that nothing was searched.
    with open(path, "wb") as file:
        file.write(file_of(good, plain[:1]))
    result, facts, _, details = run()
    expect("kept: believed:", result.returncode == 0 and not any("nsswitch" in f[1] for f in facts), facts)

    for name, put in poisons(good, plain, identity):
        os.unlink(path)
        put(path)
        result, facts, _, details = run()
        expect(f"kept, {name}:", (result.returncode, result.stdout) == (0, world.bare(command).stdout), result)
        expect(f"kept, {name}: records:", facts == first and not details, f"{details} {facts ^ first}")
        if os.path.isdir(path):
            os.rmdir(path)
            continue
        with open(path, "rb") as file:
            expect(f"kept, {name}: written anew:", file.read() == good)
        expect(f"kept, {name}: a file:", not os.path.islink(path))

    result, facts, _, _ = world.run(command, wrapper=["prlimit", "--fsize=100"], LD_LIBRARY_PATH=folder)
    expect("kept, no room:", result.returncode == 0 and facts == first and not os.path.exists(path), result)
    left = [name for name in os.listdir(world.folder) if re.search(r"\.sites-\w+\.\d+$", name)]
    expect("kept: nothing is left unfinished:", not left, left)


PAGES_NUMBERS = struct.Struct("<IIII")  # the words' offset, the witness, the number of pages
PAGES_SITES = struct.Struct("<IBBBB")
PAGES_SITES_AT = FILE_HEAD.size + PAGES_NUMBERS.size
PAGES_TABLE = PAGES_SITES_AT + PAGES_SITES.size * FILE_OFFSETS + 8


def mapped_pages(world, wrapper=(), **settings):
    """What is mapped over libc's code in a watched process: lines of its memory map."""
    result, _, _, details = world.run(["cat", "/proc/self/maps"], wrapper=wrapper, **settings)
    lines = result.stdout.decode().splitlines()
    return [line for line in lines if ".pages-" in line], lines, details


def pages_file(world, lines):
    return re.search(re.escape(world.library) + r"\.pages-\w{40}$", "\n".join(lines), re.M)[0]


def stretches_of(pages):
    """First and last page of each mapping: up to fifteen pages without a site are mapped along
    (doc/decisions/sites.md)."""
    stretches = []
    for page in sorted(pages):
        if stretches and page - stretches[-1][1] <= 16:
            stretches[-1][1] = page
        else:
            stretches.append([page, page])
    return stretches


def test_pages_are_mapped(world, scratch):
    """The first start writes libc's pages with redirected sites. Later ones map these; each site is as in
    libc's file, except for its jump. No file in the place of a good one changes what is recorded."""
    command = ["getent", "passwd", "root"]
    mapped, lines, details = mapped_pages(world)
    expect("pages: mapped:", mapped and not details, f"{details} {lines}")
    if not mapped:
        return
    expect("pages: executable only:", all(line.split()[1] == "r-xp" for line in mapped), mapped)
    path = pages_file(world, mapped)
    with open(path, "rb") as file:
        good = file.read()
    expect("pages: mode:", os.stat(path).st_mode & 0o7133 == 0, oct(os.stat(path).st_mode))

    # The rest of the pages is the same as libc's.
    table = good[-PAGES_TABLE:]
    count = FILE_HEAD.unpack_from(table)[3]
    sites = [PAGES_SITES.unpack_from(table, PAGES_SITES_AT + PAGES_SITES.size * i)[0] for i in range(count)]
    with open(os.path.realpath("/lib/x86_64-linux-gnu/libc.so.6"), "rb") as file:
        libc = file.read()
    stretches = stretches_of({page for site in sites for page in (site >> 12, site + 7 >> 12)})
    pages = [page for first, last in stretches for page in range(first, last + 1)]
    expect("pages: a mapping each stretch:", len(mapped) == len(stretches), f"{mapped} {stretches}")
    expect("pages: as many as sites need:", len(good) == 4096 * len(pages) + PAGES_TABLE, len(good))
    same = bytearray(good[:-PAGES_TABLE])
    for site in sites:
        at = 4096 * pages.index(site >> 12) + site % 4096
        expect("pages: a site:", libc[site:site + 2] == b"\x0f\x05" != same[at:at + 2], hex(site))
        same[at:at + 8] = libc[site:site + 8]
    expect("pages: all else is libc's:",
           same == b"".join(libc[page << 12:(page << 12) + 4096] for page in pages))

    _, expected, _, _ = world.run(command)
    os.unlink(path)
    os.mkdir(path)
    _, unmapped, _, details = world.run(command)
    expect("pages: the same is recorded without:", unmapped == expected and not details, unmapped ^ expected)
    os.rmdir(path)
    test_poisoned_pages(world, command, path, good, expected)


def test_poisoned_pages(world, command, path, good, expected):
    def table(change):
        pages, body = bytearray(good[:-PAGES_TABLE]), bytearray(good[-PAGES_TABLE:-8])
        change(body)
        return written(bytes(pages + body) + checksum(body))

    def word(at, value):
        return table(lambda body: body.__setitem__(slice(at, at + 4), struct.pack("<I", value)))

    def linked(path):
        written(good)(path)
        os.rename(path, path + ".aside")
        os.symlink(path + ".aside", path)

    sites = PAGES_SITES_AT
    _, number, kind, size, _ = PAGES_SITES.unpack_from(good, len(good) - PAGES_TABLE + sites)

    def site(number, kind, size):
        return word(sites + 4, number | kind << 8 | size << 16)

    cases = {
        "empty": written(b""), "cut short": written(good[:-1]), "no pages": written(good[-PAGES_TABLE:]),
        "pages missing": written(good[4096:]), "garbage": written(os.urandom(len(good))),
        "a bit flipped": written(good[:-PAGES_TABLE + 80] + bytes([good[-PAGES_TABLE + 80] ^ 1]) +
                                 good[-PAGES_TABLE + 81:]),
        "of another build": word(32, 0), "of another library": word(8, 0),
        "words elsewhere": word(FILE_HEAD.size, 4096), "words beyond the data": word(FILE_HEAD.size, 0x7ffffff8),
        "more sites than there may be": word(52, FILE_OFFSETS + 1), "a site that is none": word(sites, 8),
        "a site beyond the code": word(sites, 0x7fffffff), "a stub of another site": site(100, kind, size),
        "a site of another kind": site(number, kind ^ 3, size), "of no kind": site(number, 200, size),
        "a short site": site(number, kind, 2), "a long site": site(number, kind, 255),
        "a witness that is none": word(FILE_HEAD.size + 4, 8),
        "a witness beyond the code": word(FILE_HEAD.size + 4, 0x7ffffff8), "another user's": written(good, owner=12345),
        "everyone's to write": written(good, mode=0o646), "a symlink": linked,
    }
    for name, put in cases.items():
        if os.path.lexists(path):
            os.unlink(path)
        put(path)
        result, facts, _, details = world.run(command)
        expect(f"pages, {name}:", (result.returncode, result.stdout) == (0, world.bare(command).stdout), result)
        expect(f"pages, {name}: records:", facts == expected and not details, f"{details} {facts ^ expected}")
    os.unlink(path)
    result, facts, _, _ = world.run(command, wrapper=["prlimit", "--fsize=4096"])
    expect("pages, no room:", result.returncode == 0 and facts == expected and not os.path.exists(path), result)
    left = [name for name in os.listdir(world.folder) if re.search(r"\.pages-\w+\.\d+$", name)]
    expect("pages: nothing is left unfinished:", not left, left)


WRITERS = {
    "a page": """
    char *page = (char *)((uintptr_t)dlvsym(libc, "open", "GLIBC_2.2.5") & ~4095ul);
    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    *(volatile char *)page = *page;
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
""",
    # Makes all of libc's code writable, and replaces its system calls (here: by the interface from before
    # 1997).
    "all code": """
    char line[512], *start = 0, *end = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), maps))
        if (strstr(line, "r-xp") && strstr(line, "libc.so.6"))
            sscanf(line, "%p-%p", (void **)&start, (void **)&end);
    fclose(maps);
    mprotect(start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC);
    unsigned char *limit = dlsym(libc, "getrlimit");
    while (limit[0] != 0x0f || limit[1] != 0x05)
        limit++;
    limit[0] = 0xcd;
    limit[1] = 0x80;
    mprotect(start, end - start, PROT_READ | PROT_EXEC);
""",
}


def test_written_code_is_kept(world, scratch):
    """What somebody else has written into libc's code before the library starts stays."""
    expect("written code: mapped without:", mapped_pages(world)[0])
    for name, code in WRITERS.items():
        source = os.path.join(scratch, "writer.c")
        with open(source, "w") as file:
            file.write("#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdint.h>\n#include <stdio.h>\n"
                       "#include <string.h>\n#include <sys/mman.h>\n"
                       "__attribute__((constructor)) static void patch(void)\n{\n"
                       '    void *libc = dlopen("libc.so.6", RTLD_LAZY);\n' + code + "}\n")
        writer = os.path.join(scratch, "writer.so")
        # Of several objects with that mark, the last one is initialised first.
        subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-z,initfirst", "-o", writer, source], check=True)
        mapped, lines, details = mapped_pages(world, LD_PRELOAD=f"{world.library} {writer}")
        expect(f"written code, {name}: loaded:", any("writer.so" in line for line in lines), lines)
        expect(f"written code, {name}: stays:", not mapped and not details, f"{mapped} {details}")


CONSTRUCTOR = """#include <grp.h>
#include <pthread.h>
#include <unistd.h>
static void *wait(void *nothing) { pause(); return nothing; }
__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, wait, 0);
    getgrgid(99999);
}
"""


def test_constructors_of_others(world, scratch):
    """What libc opens for a library's constructor is seen, too; the thread that the constructor starts is
    no obstacle."""
    source, library = scratch + "/begin.c", scratch + "/libbegin.so"
    with open(source, "w") as file:
        file.write(CONSTRUCTOR)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-pthread"], check=True)
    with open(scratch + "/begun.c", "w") as file:
        file.write("int main(void) { return 0; }\n")
    program = world.compile(scratch + "/begun.c", "-Wl,--no-as-needed", library)
    test_everything_is_recorded(world, [[program]])
    _, facts, _, details = world.run([program])
    expect("constructors of others:", any(path == "/etc/group" for _, path, _ in facts), facts)
    expect("constructors of others:", not details, details)


def test_vector_registers_are_not_used():
    """System calls preserve vector registers, so no instruction of the library may use them."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", LIBRARY], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    for line in listing.splitlines():
        expect("vector register:", not re.search(r"%([xyz]mm|mm|st\b|k[0-7])", line), line)


def test_protection_is_restored():
    """No page of libc or ld.so is left writable and executable."""
    environment = {**os.environ, "LD_PRELOAD": LIBRARY, "FOOTPRINT_SOCKET": "/nonexistent/sock"}
    maps = subprocess.run(["cat", "/proc/self/maps"], env=environment, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    for line in maps.splitlines():
        expect("protection:", "wx" not in line.split()[1], line)
    expect("protection:", re.search(r"r-xp.*libc\.so", maps), maps)


def test_known_sites_are_where_objdump_finds_them():
    """sites_known.def against the libc and ld.so of this machine and of the roots."""
    with open(os.path.join(HERE, "../../preload/sites/sites_known.def")) as file:
        known = file.read()
    paths = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]
    for suite in ("bullseye", "trixie"):
        root = os.path.join(sites_world.BUILD, "rootfs", suite)
        if os.path.isdir(root):
            folder = os.path.join(root, "lib/x86_64-linux-gnu")
            paths += [os.path.join(folder, name) for name in ("libc.so.6", "ld-linux-x86-64.so.2")]
    for path in paths:
        found = subprocess.run([SCRIPT, "x=" + path], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        identity, offsets = re.search(r"SITES\((ID\(.*?\)),(.*?)\)", found, re.S).groups()
        match = re.search(re.escape(identity) + r",(.*?)\)", known, re.S)
        if not match:
            print(f"{path}: not in sites_known.def, is searched at every start")
            continue
        expect(f"{path}: sites", match[1].split() == offsets.split(), offsets)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        test_vector_registers_are_not_used()
        test_protection_is_restored()
        test_known_sites_are_where_objdump_finds_them()
        for world in sites_world.worlds(scratch):
            try:
                commands = COMMANDS
                if world.name == "musl":
                    commands = [[world.compile(os.path.join(HERE, "sites", "lookups.c"))]]
                commands = [c for c in commands if world.name != "bullseye" or c[0] != "df"]
                test_everything_is_recorded(world, commands)
                test_behaviour(world)
                test_bad_pointers(world)
                if world.name == "musl":
                    test_an_unknown_musl(world, commands[0][0])
                else:
                    test_a_search_finds_what_objdump_finds(world)
                    test_turned_off(world, ["getent", "passwd", "root"])
                if world.name == "here":
                    test_pages_are_mapped(world, scratch)
                    test_written_code_is_kept(world, scratch)
                    test_constructors_of_others(world, scratch)
                    test_code_may_not_be_written(world, scratch)
                    test_other_builds(world, scratch)
                    test_code_that_seems_to_be_jumped_into(world, scratch)
                    test_what_was_found_is_kept(world, scratch)
            finally:
                world.close()
    for failure in failures[:60]:
        print(failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

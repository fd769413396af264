#!/usr/bin/env python3
"""`footprint diff` of manifests that differ in a known way prints exactly that."""
import copy
import json
import os
import shutil
import tempfile
import unittest

import manifests
from manifests import footprint, shop


class Diff(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.old = os.path.join(self.folder, "old.footprint")
        self.new = os.path.join(self.folder, "new.footprint")
        self.maxDiff = None

    def diff(self, old, new, *options):
        manifests.write(self.old, old)
        manifests.write(self.new, new)
        done = footprint("diff", *options, self.old, self.new)
        self.assertEqual(done.stderr, b"")
        return done.returncode, done.stdout.decode()

    def test_the_same_is_0_and_one_line(self):
        other_run = [{"host": "x", "started_ns": 5, "ended_ns": 6, "processes": 70}]
        status, text = self.diff(shop(), shop("1.4", runs=other_run))
        self.assertEqual((status, text), (0, "shop 1.3 -> 1.4: no difference\n"))

    def test_directories_and_lost_targets(self):
        folder = {"path": b"/etc/nginx", "type": ("TYPE_DIRECTORY",), "present": True, "mode": 0o755,
                  "uses": [{"by": 1, "access": 256}]}
        link = {"path": b"/etc/link", "type": ("TYPE_SYMLINK",), "target": b"nginx",
                "uses": [{"by": 1, "access": 1}], "present": True, "mode": 0o777}
        plain = {"path": b"/etc/link", "type": ("TYPE_FILE",), "uses": link["uses"],
                 "present": True, "mode": 0o777}
        text = self.diff(shop(files=[link, folder]), shop("1.4", files=[plain]))[1]
        self.assertIn("  ~ /etc/link  type symlink -> file; target nginx -> none\n", text)
        self.assertIn("  - /etc/nginx/  list; by nginx\n", text)
        self.assertIn(b"    /etc/nginx/  ", footprint("show", "-f", self.old).stdout)
        self.assertEqual(footprint("why", self.old, "/etc/link").stdout.decode().splitlines()[1],
                         "/etc/nginx/")
        text = self.diff(shop(files=[link]), shop("1.4", files=[]))[1]
        self.assertIn("  - /etc/link  symlink to nginx; read; by nginx\n", text)

    def test_another_application_is_said(self):
        status, text = self.diff(shop(), shop("1.4", application="blog"))
        self.assertEqual((status, text),
                         (0, "shop 1.3 -> blog 1.4: another application; no difference\n"))
        status, text = self.diff(shop(), shop("1.4", application="blog", endpoints=[]), "-s")
        self.assertEqual((status, text), (
            1, "shop 1.3 -> blog 1.4: another application; 1 endpoint removed\n"))

    def test_what_is_not_complete_is_said(self):
        gaps = [{"kind": "sites", "path": b"/bin/x", "count": 1}]
        for old, new, status, said in [
                (shop(gaps=gaps), shop("1.4", gaps=gaps), 0, "no difference; neither is complete"),
                (shop(runs=[]), shop("1.4"), 0, "no difference; the old one is not complete"),
                (shop(), shop("1.4", gaps=gaps), 1, "1 gap added; the new one is not complete")]:
            done = self.diff(old, new)
            self.assertEqual((done[0], done[1].split("\n")[0]), (status, "shop 1.3 -> 1.4: " + said))
            told = json.loads(self.diff(old, new, "--json")[1])
            self.assertEqual([told[side]["complete"] for side in ("old", "new")],
                             [manifest["runs"] != [] and not manifest.get("gaps") for manifest in (old, new)])

    def test_a_changed_file(self):
        files = copy.deepcopy(shop()["files"])
        files[0].update(size=150, sha256=b"\x09" * 32, mode=0o600, uid=33)
        # protoc puts fields in the order of their numbers, whatever their order here.
        status, text = self.diff(shop(), shop("1.4", files=files))
        self.assertEqual(status, 1)
        self.assertEqual(text, (
            "shop 1.3 -> 1.4: 1 file changed\n\nFiles\n"
            "  ~ /etc/nginx.conf  content 100 B -> 150 B; mode 0644 -> 0600; owner 0:0 -> 33:0\n"))

    def test_sizes_that_look_the_same(self):
        old, new = (copy.deepcopy(shop()["files"]) for _ in range(2))
        old[0].update(size=14_336)
        new[0].update(size=14_340, sha256=b"\x09" * 32)
        text = self.diff(shop(files=old), shop("1.4", files=new))[1]
        self.assertIn("  ~ /etc/nginx.conf  content, still 14.0 KiB\n", text)

    def test_an_added_and_a_removed_file(self):
        files = copy.deepcopy(shop()["files"])
        files[0]["path"] = b"/etc/nginx/nginx.conf"
        files[0]["sha256"] = b"\x09" * 32
        status, text = self.diff(shop(), shop("1.4", files=files))
        self.assertEqual(status, 1)
        self.assertEqual(text, (
            "shop 1.3 -> 1.4: 1 file added, 1 removed\n\nFiles\n"
            "  - /etc/nginx.conf  read; by nginx\n"
            "  + /etc/nginx/nginx.conf  read; by nginx\n"))

    def test_a_moved_file(self):
        files = copy.deepcopy(shop()["files"])
        files[0]["path"] = b"/etc/nginx/nginx.conf"
        status, text = self.diff(shop(), shop("1.4", files=files))
        self.assertEqual(status, 1)
        self.assertEqual(text, (
            "shop 1.3 -> 1.4: 1 file moved\n\nFiles\n"
            "  > /etc/nginx.conf -> /etc/nginx/nginx.conf\n"))

    def test_a_directory_of_another_version_is_one_line(self):
        folders = [{"path": path, "type": ("TYPE_DIRECTORY",), "present": True, "mode": 0o755,
                    "uses": [{"by": 1, "access": 256}]} for path in (b"/etc/php/8.2", b"/etc/php/8.4")]
        missing = [{"path": b"/usr/lib/python3%d.zip" % minor, "by": [1]} for minor in (11, 13)]
        status, text = self.diff(shop(files=folders[:1], missing=missing[:1]),
                                 shop("1.4", files=folders[1:], missing=missing[1:]))
        self.assertEqual(status, 1)
        self.assertEqual(text, (
            "shop 1.3 -> 1.4: 1 file moved; 1 missing path moved\n\nFiles\n"
            "  > /etc/php/8.2/ -> 8.4/\n"
            "\nMissing: looked for and not there\n"
            "  > /usr/lib/python311.zip -> python313.zip\n"))

    @staticmethod
    def temporary(path, by=1, access=1 | 2 | 4 | 8):
        return {"path": path, "uses": [{"by": by, "access": access}]}

    def of_runs(self, old, new, **parts):
        """What diff says of versions with these files, all sorted."""
        return self.diff(*(shop(version, files=sorted(files, key=lambda one: one["path"]), **parts)
                           for version, files in (("1.3", old), ("1.4", new))))

    def test_names_of_a_run_are_no_difference(self):
        same = (0, "shop 1.3 -> 1.4: no difference\n")
        make = self.temporary
        self.assertEqual(self.of_runs([make(b"/tmp/tmp.4As0DQ"), make(b"/tmp/tmp.b7I2B0")],
                                      [make(b"/tmp/tmp.8pKYfu")]), same)
        self.assertEqual(self.of_runs([make(b"/data/temp-1.rdb"), make(b"/data/temp-35.rdb")],
                                      [make(b"/data/temp-7.rdb"), make(b"/data/temp-1234.rdb")]), same)
        self.assertEqual(self.of_runs([make(b"/dev/shm/pg.1"), make(b"/dev/shm/pg.222"), make(b"/dev/shm/x5c")],
                                      [make(b"/dev/shm/pg.333"), make(b"/dev/shm/xbc")]), same)
        folders = [[make(folder, access=4 | 8), make(folder + b"/a"), {"path": folder + b"/kept", "uses": [
            {"by": 0, "access": 1}]}] for folder in (b"/tmp/xaaaaa", b"/tmp/xbbbbb")]
        self.assertEqual(self.of_runs(*folders), same)
        old, new = (shop(version, files=[make(folder)], missing=[{"path": folder + b"/.git", "by": [1]}])
                    for version, folder in (("1.3", b"/tmp/xaaaaa"), ("1.4", b"/tmp/xbbbbb")))
        self.assertEqual(self.diff(old, new), same)

    def test_a_program_of_another_version_makes_the_same_names(self):
        def of(version, name):
            programs = [{"path": b"/usr/bin/env"}, {"path": b"/usr/bin/php" + name, "first": True}]
            return shop(version, executables=sorted(programs, key=lambda one: one["path"]), libraries=[], endpoints=[],
                        missing=[], files=[self.temporary(b"/tmp/sess_" + name * 2)])

        text = self.diff(of("1.3", b"8.2"), of("1.4", b"8.4"))[1]
        self.assertIn(" 1 program changed\n\nPrograms\n  ~ /usr/bin/php8.2 -> ", text)

    def test_other_temporary_files_are_a_difference(self):
        make = self.temporary
        old = [make(b"/tmp/tmp.4As0DQ"), make(b"/run/pid")]
        for new, line in [
                (make(b"/var/tmp/.8pKYfu"), "/var/tmp/.8pKYfu"),      # in another folder
                (make(b"/tmp/upload.8pKYfu"), "/tmp/upload.8pKYfu"),  # by another template
                (make(b"/tmp/tmp.8pKYfu", by=0), "/tmp/tmp.8pKYfu"),  # by another program
                (make(b"/tmp/tmp.8pKYfu", access=4 | 8), "/tmp/tmp.8pKYfu"),
                (make(b"/tmp/tmp.8pKYfu", access=1 | 2 | 4), "/tmp/tmp.8pKYfu")]:  # it stays
            text = self.of_runs(old, [new, old[1]])[1]
            self.assertTrue(text.startswith("shop 1.3 -> 1.4: 1 file added, 1 removed\n"), text)
            self.assertIn(f"  + {line}  ", text)
            self.assertIn("  - /tmp/tmp.4As0DQ  ", text)
        # What both sides have by the same name is of no run, nor is its folder.
        self.assertIn("1 file added\n", self.of_runs(old, [*old, make(b"/run/pod")])[1])
        text = self.of_runs([make(b"/run/a"), make(b"/run/a/x")],
                            [make(b"/run/a"), make(b"/run/b"), make(b"/run/b/y")])[1]
        self.assertIn("2 files added, 1 removed\n", text)

    def test_a_library_update_is_one_line(self):
        new = copy.deepcopy(shop("1.4"))
        new["files"][2].update(path=b"/usr/lib/libz.so.1.3.1", sha256=b"\x08" * 32, size=3100)
        new["libraries"][1]["path"] = b"/usr/lib/libz.so.1.3.1"
        status, text = self.diff(shop(), new)
        self.assertEqual(status, 1)
        self.assertEqual(text, (
            "shop 1.3 -> 1.4: 1 library changed\n\nLibraries\n"
            "  ~ /usr/lib/libz.so.1.2.13 -> libz.so.1.3.1  content 3000 B -> 3100 B\n"))

    def test_a_package_update_is_one_line(self):
        new = copy.deepcopy(shop("1.4"))
        new["packages"][0]["version"] = "3.0.13"
        status, text = self.diff(shop(), new)
        self.assertEqual(status, 1)
        self.assertEqual(text, ("shop 1.3 -> 1.4: 1 package changed\n\nPackages\n"
                                "  ~ libssl3 3.0.11 -> 3.0.13\n"))

    def test_a_package_of_another_name_is_one_line(self):
        new = copy.deepcopy(shop("1.4"))
        new["packages"][0].update(name="libssl4", version="4.0.1")
        text = self.diff(shop(), new)[1]
        self.assertIn("Packages\n  ~ libssl3 3.0.11 -> libssl4 4.0.1\n", text)
        change = json.loads(self.diff(shop(), new, "--json")[1])["packages"][0]
        self.assertEqual((change["change"], sorted(change["what"])), ("changed", ["name", "version"]))
        self.assertEqual((change["old"]["name"], change["new"]["name"]), ("libssl3", "libssl4"))

    def test_programs_endpoints_missing_and_gaps(self):
        new = copy.deepcopy(shop("1.4"))
        new["executables"].insert(1, {"path": b"/usr/bin/env", "executes": [2]})
        new["executables"][0]["executes"] = [1, 2]
        for one in new["files"]:
            one["uses"][0]["by"] = 2
        for one in new["libraries"]:
            one["loaders"][0]["by"] = 2
        new["endpoints"] = [{"operation": ("OPERATION_CONNECT",), "address": "[::1]:5432",
                             "by": [2]}]
        new["missing"] = [{"path": b"/etc/new", "by": [1]}]
        new["gaps"] = [{"kind": "static-program", "path": b"/bin/x", "detail": "no interpreter",
                        "count": 1}]
        new = shop("1.4", **{key: new[key] for key in new if key not in ("schema", "application",
                                                                          "version")})
        status, text = self.diff(shop(), new)
        self.assertEqual(status, 1)
        self.assertEqual(text, (
            "shop 1.3 -> 1.4: 1 program added, 1 changed; 1 endpoint added, 1 removed; "
            "1 missing path added, 1 removed; 1 gap added; "
            "the new one is not complete\n"
            "\nPrograms\n"
            "  ~ /usr/bin/dash  now executes env\n"
            "  + /usr/bin/env  started by dash\n"
            "\nEndpoints\n"
            "  + connect [::1]:5432  by nginx\n"
            "  - bind 0.0.0.0:80  by nginx\n"
            "\nMissing: looked for and not there\n"
            "  - /etc/ld.so.preload  by dash, nginx\n"
            "  + /etc/new  by env\n"
            "\nGaps\n"
            "  + static-program /bin/x: no interpreter\n"))

    def test_changes_of_users_alone_are_counted_only(self):
        files = copy.deepcopy(shop()["files"])
        files[0]["uses"] = [{"by": 0, "access": 1}]
        status, text = self.diff(shop(), shop("1.4", files=files))
        self.assertEqual((status, text), (1, (
            "shop 1.3 -> 1.4: 1 file used by other programs\n\nFiles\n"
            "  and 1 used by other programs than before: see --all\n")))
        text = self.diff(shop(), shop("1.4", files=files), "--all")[1]
        self.assertIn("  ~ /etc/nginx.conf  now by dash; no longer by nginx\n", text)

    def test_a_program_of_another_version_is_no_other_user(self):
        old = shop()
        old["executables"] = [dict(one, path=path) for one, path in
                              zip(old["executables"], (b"/usr/bin/dash", b"/usr/sbin/nginx1.22"))]
        new = copy.deepcopy(old)
        new["executables"][1]["path"] = b"/usr/sbin/nginx1.24"
        new["executables"].insert(1, {"path": b"/usr/bin/env"})
        new["executables"][0]["executes"] = [1, 2]
        new["files"][0]["uses"] = [{"by": 1, "access": 1}, {"by": 2, "access": 1}]
        for one in new["files"][1:]:
            one["uses"][0]["by"] = 2
        for one in new["libraries"]:
            one["loaders"][0]["by"] = 2
        new["endpoints"][0]["by"] = [1, 2]
        new["missing"][0]["by"] = [0, 1]
        text = self.diff(old, new, "--all")[1]
        self.assertIn("  ~ /usr/sbin/nginx1.22 -> nginx1.24  ", text)
        self.assertIn("  ~ /usr/bin/dash  now executes env\n", text)
        self.assertIn("  ~ /etc/nginx.conf  now by env\n", text)
        self.assertIn("  ~ bind 0.0.0.0:80  now by env\n", text)
        self.assertIn("  ~ /etc/ld.so.preload  now by env; no longer by nginx1.22\n", text)

    def test_other_programs_that_look_for_a_missing_path(self):
        missing = [{"path": b"/etc/ld.so.preload", "by": [1]}]
        status, text = self.diff(shop(), shop("1.4", missing=missing))
        self.assertEqual((status, text), (1, (
            "shop 1.3 -> 1.4: 1 missing path looked for by other programs\n\n"
            "Missing: looked for and not there\n"
            "  and 1 looked for by other programs than before: see --all\n")))
        text = self.diff(shop(), shop("1.4", missing=missing), "--all")[1]
        self.assertIn("  ~ /etc/ld.so.preload  no longer by dash\n", text)
        change = json.loads(self.diff(shop(), shop("1.4", missing=missing), "-j")[1])["missing"][0]
        self.assertEqual((change["change"], change["what"], change["new"]["by"]),
                         ("changed", ["by"], ["/usr/sbin/nginx"]))

    def test_the_same_users_in_other_ways(self):
        files = copy.deepcopy(shop()["files"])
        files[0]["uses"] = [{"by": 1, "access": 1 | 512}]
        status, text = self.diff(shop(), shop("1.4", files=files))
        self.assertEqual((status, text), (1, (
            "shop 1.3 -> 1.4: 1 file changed\n\nFiles\n"
            "  ~ /etc/nginx.conf  access read -> read check\n")))
        change = json.loads(self.diff(shop(), shop("1.4", files=files), "--json")[1])["files"][0]
        self.assertEqual(change["what"], ["access", "uses"])
        self.assertEqual([change[side]["uses"] for side in ("old", "new")], [
            [{"by": "/usr/sbin/nginx", "access": ["read"]}],
            [{"by": "/usr/sbin/nginx", "access": ["read", "check"]}]])
        # The same programs use it, but do each other's things.
        old = copy.deepcopy(files)
        old[0]["uses"] = [{"by": 0, "access": 1 | 512}, {"by": 1, "access": 1}]
        files[0]["uses"] = [{"by": 0, "access": 1}, {"by": 1, "access": 1 | 512}]
        status, text = self.diff(shop(files=old), shop("1.4", files=files))
        self.assertEqual((status, text), (1, (
            "shop 1.3 -> 1.4: 1 file used in other ways\n\nFiles\n"
            "  and 1 used in other ways than before: see --all\n")))
        text = self.diff(shop(files=old), shop("1.4", files=files), "--all")[1]
        self.assertIn("  ~ /etc/nginx.conf  dash: read check -> read; nginx: read -> read check\n",
                      text)

    def test_other_uses_of_the_files_of_programs_and_libraries(self):
        def images(program, library):
            return shop("1.4", files=[
                {"path": path, "type": ("TYPE_FILE",), "uses": uses, "present": True, "mode": 0o755}
                for path, uses in [(b"/usr/lib/libssl.so.3", library),
                                   (b"/usr/sbin/nginx", program)]])

        # Programs and libraries report by whom they are executed and loaded, so a difference in that is none
        # here.
        executed, loaded = {"by": 0, "access": 64}, {"by": 1, "access": 128}
        old = images([executed], [loaded])
        self.assertEqual(self.diff(old, images([{"by": 1, "access": 64}], [{"by": 0, "access": 1024}])),
                         (0, "shop 1.4 -> 1.4: no difference\n"))
        new = images([{"by": 0, "access": 64 | 2 | 32}], [{"by": 0, "access": 1}, loaded])
        status, text = self.diff(old, new)
        self.assertEqual((status, text), (1, (
            "shop 1.4 -> 1.4: 1 program changed; 1 library changed\n"
            "\nPrograms\n"
            "  ~ /usr/sbin/nginx  access none -> write metadata; now used by dash\n"
            "\nLibraries\n"
            "  ~ /usr/lib/libssl.so.3  access none -> read; now used by dash\n")))
        change = json.loads(self.diff(old, new, "--json")[1])["programs"][0]
        self.assertEqual(change["what"], ["access", "by"])
        self.assertEqual([(change[side]["access"], change[side]["uses"]) for side in ("old", "new")], [
            (["exec"], [{"by": "/usr/bin/dash", "access": ["exec"]}]),
            (["write", "metadata", "exec"],
             [{"by": "/usr/bin/dash", "access": ["write", "metadata", "exec"]}])])
        # The same things are done with them, but by the other of the two programs.
        other = images([{"by": 1, "access": 2 | 32}], [{"by": 0, "access": 1}, loaded])
        status, text = self.diff(new, other)
        self.assertEqual((status, text), (1, (
            "shop 1.4 -> 1.4: 1 program used by other programs\n\nPrograms\n"
            "  and 1 used by other programs than before: see --all\n")))
        self.assertIn("  ~ /usr/sbin/nginx  now used by nginx; no longer used by dash\n",
                      self.diff(new, other, "--all")[1])
        both = [{"by": 0, "access": 1}, {"by": 1, "access": 512 | 1}]
        self.assertIn("  ~ /usr/sbin/nginx  access read check -> read; nginx: read check -> read\n",
                      self.diff(images(both, [loaded]),
                                images([both[0], {"by": 1, "access": 1}], [loaded]))[1])

    def test_a_library_loaded_in_another_way(self):
        libraries = copy.deepcopy(shop()["libraries"])
        libraries[0]["loaders"].insert(0, {"by": 0, "requester": b"/usr/bin/dash"})
        old = copy.deepcopy(libraries)
        libraries[0]["loaders"][1]["loaded"] = ("LOADED_DLOPEN",)
        status, text = self.diff(shop(libraries=old), shop("1.4", libraries=libraries))
        self.assertEqual((status, text), (1, (
            "shop 1.3 -> 1.4: 1 library changed\n\nLibraries\n"
            "  ~ /usr/lib/libssl.so.3  nginx: needed -> dlopen\n")))

    def test_a_library_that_needs_others(self):
        def of(*needed):
            libraries = copy.deepcopy(shop()["libraries"])
            libraries[0]["needed"] = list(needed)
            return shop("1.4", libraries=libraries)

        many = [f"lib{number}.so" for number in range(6)]
        for old, new, note in [
                (["libz.so.1"], ["liblz4.so.1", "libz.so.1"], "now needs liblz4.so.1"),
                (["libz.so.1", "a\n"], ["libm.so.6"], r"now needs libm.so.6; no longer needs libz.so.1, a\x0a"),
                (["libz.so.1"], many, "now needs lib0.so, lib1.so, lib2.so +3; no longer needs libz.so.1"),
                (["a", "b"], ["b", "a"], "needs the same libraries in another order")]:
            self.assertIn(f"  ~ /usr/lib/libssl.so.3  {note}\n", self.diff(of(*old), of(*new))[1])

    def test_json_has_the_keys_of_show(self):
        gaps = [{"kind": "sites", "path": b"/bin/x", "count": 3}]
        empty = shop("1.4", executables=[], packages=[], files=[], libraries=[], endpoints=[],
                     missing=[])
        told = json.loads(self.diff(shop(gaps=gaps), empty, "--json")[1])
        shown = json.loads(footprint("show", "--json", self.old).stdout)
        files = {one["path"]: one for one in shown["files"]}
        self.assertEqual([one["old"] for one in told["files"]], [files["/etc/nginx.conf"]])
        for group, key in [("gaps", "gaps"), ("programs", "executables"),
                           ("libraries", "libraries"), ("endpoints", "endpoints"),
                           ("missing", "missing")]:
            self.assertEqual(len(told[group]), len(shown[key]))
            for change, entry in zip(told[group], shown[key]):
                self.assertEqual({**change["old"], **entry}, change["old"])
        library = told["libraries"][0]["old"]
        self.assertEqual((library["package"], library["package_version"]), ("libssl3", "3.0.11"))

    def test_json_names_both_sides(self):
        new = copy.deepcopy(shop("1.4"))
        new["files"][0]["mode"] = 0o600
        status, text = self.diff(shop(), new, "--json")
        parsed = json.loads(text)
        self.assertEqual(status, 1)
        self.assertFalse(parsed["same"])
        self.assertEqual(parsed["old"], {"app": "shop", "version": "1.3", "complete": True})
        change = parsed["files"][0]
        self.assertEqual((change["change"], change["what"]), ("changed", ["mode"]))
        self.assertEqual((change["old"]["mode"], change["new"]["mode"]), ("0644", "0600"))
        self.assertEqual(change["new"]["by"], ["/usr/sbin/nginx"])
        for group in ("programs", "libraries", "packages", "endpoints", "missing", "gaps"):
            self.assertEqual(parsed[group], [])

    def test_json_comes_before_other_forms(self):
        new = copy.deepcopy(shop("1.4"))
        new["files"][0]["mode"] = 0o600
        alone = self.diff(shop(), new, "--json")
        for options in ["-ja", "-aj", "-js", "-sj"]:
            self.assertEqual(self.diff(shop(), new, options), alone, options)

    def test_summary_and_long_lists(self):
        files = [{"path": b"/f%03d" % number, "type": ("TYPE_FILE",),
                  "uses": [{"by": 0, "access": 1}]} for number in range(200)]
        plain = [line for line in self.diff(shop(files=[]), shop("1.4", files=files))[1].split("\n")
                 if line]
        self.assertEqual(plain[-1], "  and 150 more: see --all")
        everything = self.diff(shop(files=[]), shop("1.4", files=files), "--all")[1]
        self.assertEqual(everything.count("  + /f"), 200)
        short = self.diff(shop(files=[]), shop("1.4", files=files), "--summary")[1]
        self.assertEqual(short, "shop 1.3 -> 1.4: 200 files added\n")

    def test_long_lists_keep_what_says_most(self):
        def of(version, paths):
            files = [{"path": path, "type": ("TYPE_FILE",), "uses": [{"by": 0, "access": 1}], "present": True,
                      "size": 10, "mode": 0o644, "sha256": sha256 * 32, "package": package}
                     for path, sha256, package in sorted(paths)]
            package = {"manager": "dpkg", "name": "app", "version": version, "architecture": "all"}
            other = {"manager": "dpkg", "name": "libapp", "version": "1", "architecture": "all"}
            return shop(version, files=files, packages=[package, other], libraries=[])

        def shown(text):
            return [line for line in text.split("Files\n")[1].split("\n") if line]

        packaged = [b"/usr/lib/app/f%02d" % number for number in range(60)]
        before = [(path, b"\x01", 1) for path in packaged] + [
            (b"/usr/lib/app/went", b"\x02", 1), (b"/usr/lib/libapp/f", b"\x03", 2), (b"/z/own", b"\x04", 0)]
        after = [(path, b"\x05", 1) for path in packaged] + [
            (b"/usr/lib/libapp/f", b"\x06", 2), (b"/z/new", b"\x07", 0), (b"/z/own", b"\x08", 0)]
        text = self.diff(of("1", before), of("2", after))[1]
        # Of 64 changes 50 are shown: all that the package does not explain, and what went with it.
        self.assertEqual(shown(text), (
            ["  ~ /usr/lib/app/f%02d  content, still 10 B" % number for number in range(46)] +
            ["  - /usr/lib/app/went  read; by dash",
             "  ~ /usr/lib/libapp/f  content, still 10 B",
             "  + /z/new  read; by dash",
             "  ~ /z/own  content, still 10 B",
             "  and 14 more, of packages that changed: see --all"]))
        # Of no package, or of one that stayed as it was, the same changes are not explained.
        own = [(b"/z/%02d" % number, b"\x01", number % 2 * 2) for number in range(55)]
        new = [(path, b"\x02", package) for path, _, package in own]
        text = self.diff(of("1", before + own), of("2", after + new))[1]
        self.assertEqual(shown(text)[-1], "  and 69 more, 61 of them of packages that changed: see --all")
        self.assertNotIn("/usr/lib/app/", text)
        self.assertEqual(self.diff(of("1", before + own), of("2", after + new), "--all")[1].count("\n  "),
                         1 + 64 + 55)

    def test_long_lists_keep_what_the_application_was_given(self):
        def of(version, given, written):
            paths = [(b"/data/%03d" % number, 1 | 2 | 4) for number in range(written)] + [
                (b"/given/" + name, 1) for name in given]
            return shop(version, files=[{"path": path, "type": ("TYPE_FILE",), "uses": [{"by": 1, "access": access}]}
                                        for path, access in paths])

        text = self.diff(of("1.3", [b"a", b"b", b"c"], 0), of("1.4", [b"x", b"y", b"z"], 100))[1]
        self.assertEqual(text.count("/given/"), 6)
        self.assertEqual(text.count("  + /data/"), 44)
        self.assertIn("  and 56 more, written by the application: see --all\n", text)

    def test_trouble_is_2(self):
        manifests.write(self.old, shop())
        self.assertEqual(footprint("diff", self.old).returncode, 2)
        self.assertEqual(footprint("diff", self.old, "/nonexistent").returncode, 2)
        self.assertEqual(footprint("diff", "/etc/passwd", self.old).returncode, 2)


if __name__ == "__main__":
    manifests.main()

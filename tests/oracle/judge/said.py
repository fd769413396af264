"""The same sets as those of seen.py, from `footprint show --json`."""

import os
import re

from .seen import CATEGORIES, WRITING

ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|\\)")


def unescape(text):
    """JSON can only hold UTF-8: other bytes are written \\xHH, and a backslash \\\\."""
    plain = ESCAPE.sub(lambda m: chr(0xdc00 + int(m.group(1), 16)) if m.group(1) else "\\", text)
    return os.fsencode(plain)


class Said:
    def __init__(self, manifest):
        self.facts = {category: set() for category in CATEGORIES}
        self.implied = {category: set() for category in CATEGORIES}
        self.gaps = manifest["gaps"]
        for entry in manifest["files"]:
            self._file(entry)
        for entry in manifest["executables"]:
            by = unescape(entry["path"])
            for path in entry["executes"]:
                self.facts["executed"].add((by, unescape(path)))
        for entry in manifest["libraries"]:
            for loader in entry["loaders"]:
                if loader["loaded"] != "unobserved":
                    self.facts["loaded"].add((unescape(loader["by"]), unescape(entry["path"])))
        for entry in manifest["endpoints"]:
            address = os.fsdecode(unescape(entry["address"]))
            for by in entry["by"]:
                self.facts["connected"].add((unescape(by), entry["operation"], address))
        self.facts["missing"] = {unescape(one["path"]) for one in manifest["missing"]}
        self._search()

    def _search(self):
        """A search in vain that was seen may be any missing path or check in the manifest."""
        self.implied["search"] = {("missing", path) for path in self.facts["missing"]}
        self.implied["search"] |= {("check", *fact) for fact in self.facts["checked"]}

    def _file(self, entry):
        path = unescape(entry["path"])
        for use in entry["uses"]:
            by = unescape(use["by"])
            for access in use["access"]:
                self._use(access, by, path, entry["type"])

    def _use(self, access, by, path, kind):
        if access in WRITING:
            self.facts["written"].add((by, path, access))
        elif access == "check":
            self.facts["checked"].add((by, path))
        elif access == "exec":
            self.facts["executed"].add((by, path))
        elif access == "load":
            self.facts["loaded"].add((by, path))
            # The dynamic linker opened it for reading, which is all that strace sees.
            self.implied["opened"].add((by, path, "read"))
        elif access == "unobserved":
            pass  # marked in the manifest as not observed
        elif access == "read" and kind == "symlink":
            self.facts["links"].add((by, path))
        else:
            self.facts["opened"].add((by, path, access))

"""Sources of Debian packages that are installed here, for tests that are only in the sources."""

import shutil
import subprocess
import threading
from pathlib import Path

from .places import DEBIAN, PlaceError

_fetching = threading.Lock()  # apt-get locks its lists, and does not wait for another


def _output(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode:
        raise PlaceError(f"{command[0]}: exit {done.returncode}: {done.stdout[-400:].strip()}")
    return done.stdout


def _release():
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]


def _apt(folder):
    """An apt-get that only has lists of sources, kept in `folder`."""
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    # Security updates change the patches of Debian, not the tests of upstream.
    (folder / "sources.list").write_text(
        f"deb-src {DEBIAN} {_release()} main\n", encoding="utf-8")
    options = {"Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "-",
               "Dir::State::lists": folder / "lists", "Dir::Cache::pkgcache": "",
               "Dir::Cache::srcpkgcache": "", "APT::Sandbox::User": "root"}
    return ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]


def unpacked(package, folder):
    """The unpacked upstream source of `package`, fetched into `folder` the first time."""
    target = folder / package
    if target.exists():
        return target
    fetched = folder / f"{package}.fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.mkdir(parents=True)
    with _fetching:
        apt = _apt(folder)
        _output([*apt, "update"])
        _output([*apt, "source", "--download-only", package], cwd=fetched)
    archive, = (path for path in fetched.glob(f"{package}_*.orig.tar.*")
                if path.suffix in (".gz", ".xz", ".bz2"))
    unfinished = folder / f"{package}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    _output(["tar", "-xf", str(archive), "-C", str(unfinished), "--strip-components=1"])
    unfinished.rename(target)
    shutil.rmtree(fetched)
    return target

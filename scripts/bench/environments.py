"""Virtual environments of what is measured beside us, and of what draws: made when needed."""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

LOCKS: Final = Path(__file__).parent / "locks"
_ROOM: Final = Path(sys.prefix) / "bench"


def install() -> None:
    """Make the environments that are missing, or have other versions than are locked."""
    for locked in sorted(LOCKS.glob("*.txt")):
        installed = _ROOM / locked.stem / "installed"
        if installed.is_file() and installed.read_bytes() == locked.read_bytes():
            continue
        venv.create(_ROOM / locked.stem, clear=True, with_pip=True)
        options = ["-qq", "--disable-pip-version-check", "--require-hashes", "-r", str(locked)]
        subprocess.run(  # noqa: S603 - our own words
            [program(locked.stem, "python"), "-m", "pip", "install", *options], check=True
        )
        installed.write_bytes(locked.read_bytes())


def program(name: str, of_it: str) -> str:
    """Return where a program of an environment is."""
    return str(_ROOM / name / "bin" / of_it)


def version(name: str) -> str:
    """Return the version that is locked of what an environment is named after."""
    lines = (LOCKS / f"{name}.txt").read_text().splitlines()
    return next(line.split("==")[1].split()[0] for line in lines if line.startswith(f"{name}=="))

"""strace: which calls a process makes, and what becomes of it if one of them fails or kills it."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults import tools

CALLS: Final = (
    *("pwrite64", "write", "fdatasync", "fsync", "ftruncate"),
    *("openat", "close", "unlink", "rename", "link"),
)
"""The calls that change files, or make it last that they were changed."""

CONTENT: Final = ("-s", "70000")
"""Options that show all bytes which are written: more than SQLite's largest page has."""

_PATIENCE: Final = 60
_CALL: Final = re.compile(r"(?:(\d+) +)?(\w+)\((.*)\) += (-?\d+|\?)(.*)")
_UNFINISHED: Final = re.compile(r"(\d+) +(\w+\(.*) <unfinished \.\.\.>")
_RESUMED: Final = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_DESCRIPTOR: Final = re.compile(r"(\d+)<([^>]*)>")
_OPENED: Final = re.compile(r"<([^>]*)>")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_HEX: Final = re.compile(rb"\\x([0-9a-f]{2})")


class Call(NamedTuple):
    """A call that has returned."""

    thread: str | None
    name: str
    arguments: str
    result: str
    rest: str

    @property
    def failed(self) -> bool:
        """Whether it returned an error, or never returned."""
        return self.result in ("-1", "?")

    @property
    def descriptor(self) -> int:
        """The open file that it is about."""
        found = self.result if self.name == "openat" else self.arguments.partition("<")[0]
        return int(found)

    @property
    def path(self) -> str:
        """The file that it is about."""
        if self.name == "openat":
            opened = _OPENED.match(self.rest)
            return _bytes(opened[1]).decode() if opened else self.paths[0]
        open_file = _DESCRIPTOR.match(self.arguments)
        return _bytes(open_file[2]).decode() if open_file else self.paths[0]

    @property
    def paths(self) -> list[str]:
        """The names that it is given."""
        return [_bytes(string).decode() for string in _STRING.findall(self.arguments)]

    @property
    def content(self) -> bytes:
        """The bytes that it writes."""
        string = _STRING.search(self.arguments)
        assert string, self
        return _bytes(string[1])

    @property
    def number(self) -> int:
        """Its last argument: an offset, or a size."""
        return int(self.arguments.rpartition(", ")[2])


@contextmanager
def traced(threads: Sequence[int], out: Path, *options: str) -> Iterator[None]:
    """Trace these threads, which must end before the context does. `calls` reads the trace."""
    command = [tools.strace(), "-o", str(out), "-y", "-xx", "-s", "0", *options]
    command += ["-e", f"trace={','.join(CALLS)}", "-e", "signal=none"]
    command += [part for thread in threads for part in ("-p", str(thread))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for _ in threads:
                said = process.stderr.readline()
                assert "attached" in said, said
            yield
            process.wait(_PATIENCE)
        finally:
            process.terminate()


def calls(out: Path) -> list[Call]:
    """Read a trace: all calls, in the order in which they returned."""
    found: list[Call] = []
    begun: dict[str, str] = {}
    for line in out.read_text().splitlines():
        if unfinished := _UNFINISHED.fullmatch(line):
            begun[unfinished[1]] = unfinished[2]
            continue
        resumed = _RESUMED.fullmatch(line)
        whole = f"{begun.pop(resumed[1])}{resumed[2]}" if resumed else line
        if call := _CALL.fullmatch(whole):
            found.append(Call(*call.groups()))
    return found


def _bytes(shown: str) -> bytes:
    return _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), shown.encode())

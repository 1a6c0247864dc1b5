"""What a disk may hold after a power loss, by the calls that were made before it.

The rules are POSIX's, not those of one kind of filesystem: content lasts from a sync of its file,
names from a sync of their folder. Whatever else was done may have reached the disk or not, in any
order, of a write some sectors only. And what a failed sync should have made to last is never made
to last by a later one: the kernel has forgotten that it must still write it.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.strace import Call

SECTOR: Final = 512
"""Bytes that a disk writes at once: all of them, or none."""

Coin = Callable[[], bool]
"""Decides whether something that need not have reached the disk has reached it."""

State = dict[str, bytes]
"""The content of each file, by its name."""


class _Fate(Enum):
    OPEN = auto()
    LASTS = auto()
    FORGOTTEN = auto()


@dataclass
class _Change:
    fate: _Fate = _Fate.OPEN

    def reached(self, coin: Coin) -> bool:
        return self.fate is _Fate.LASTS or coin()


@dataclass
class _Write(_Change):
    offset: int = 0
    content: bytes = b""

    def apply(self, to: bytearray, coin: Coin, *, torn: bool) -> None:
        size = SECTOR if torn else len(self.content)
        for begin in range(0, len(self.content), size):
            if self.reached(coin):
                part = self.content[begin : begin + size]
                at = self.offset + begin
                to.extend(bytes(max(0, at - len(to))))
                to[at : at + len(part)] = part


@dataclass
class _Truncate(_Change):
    size: int = 0

    def apply(self, to: bytearray, coin: Coin, *, torn: bool) -> None:  # noqa: ARG002 - as a write
        if self.reached(coin):
            to.extend(bytes(max(0, self.size - len(to))))
            del to[self.size :]


@dataclass
class _File:
    content: bytearray = field(default_factory=bytearray)
    changes: list[_Write | _Truncate] = field(default_factory=list)

    def settle(self) -> None:
        while self.changes and self.changes[0].fate is _Fate.LASTS:
            self.changes.pop(0).apply(self.content, lambda: True, torn=False)

    def state(self, coin: Coin, *, torn: bool) -> bytes:
        content = bytearray(self.content)
        for change in self.changes:
            change.apply(content, coin, torn=torn)
        return bytes(content)


@dataclass
class _Naming(_Change):
    """A name is given to a file, or taken away."""

    name: str = ""
    file: _File | None = None


class Disk:
    """The files of a folder, as calls change them one after another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = {path.name: _File(bytearray(path.read_bytes())) for path in folder.iterdir()}
        self._names: dict[str, _File | None] = dict(self._files)
        self._namings: list[_Naming] = []

    def take(self, call: Call) -> bool:
        """Do what a call did; say whether it changes what a power loss may leave."""
        path = Path(call.path)
        syncs = call.name in ("fsync", "fdatasync")
        if path == self._folder and syncs:
            _sync(self._namings, call)
        elif path.parent != self._folder or path.name.endswith("-shm"):
            return False  # SQLite makes the index of a WAL anew after a power loss
        elif syncs:
            file = self._files[path.name]
            _sync(file.changes, call)
            file.settle()
        elif call.failed or call.name == "close":
            return False
        elif call.name == "openat":
            return self._open(call, path.name)
        elif call.name == "unlink":
            self._namings.append(_Naming(name=path.name))
            del self._files[path.name]
        else:
            self._files[path.name].changes.append(_changed(call))
        return True

    def _open(self, call: Call, name: str) -> bool:
        assert "O_TRUNC" not in call.arguments, call
        if name in self._files:
            return False
        self._files[name] = _File()
        self._namings.append(_Naming(name=name, file=self._files[name]))
        return True

    def states(self, random: Random) -> Iterator[State]:
        """What may be there if the power is lost now: the extremes, and something between."""

        def coin() -> bool:
            return random.random() < 0.5

        yield self._state(lambda: False)
        yield self._state(lambda: True)
        yield self._state(coin)
        yield self._state(coin, torn=True)

    def _state(self, coin: Coin, *, torn: bool = False) -> State:
        names = dict(self._names)
        for naming in self._namings:
            if naming.reached(coin):
                names[naming.name] = naming.file
        return {name: file.state(coin, torn=torn) for name, file in names.items() if file}


def _sync(changes: Sequence[_Change], call: Call) -> None:
    for change in changes:
        if change.fate is _Fate.OPEN:
            change.fate = _Fate.FORGOTTEN if call.failed else _Fate.LASTS


def _changed(call: Call) -> _Write | _Truncate:
    match call.name:
        case "pwrite64":
            assert int(call.result) == len(call.content), call
            return _Write(offset=call.number, content=call.content)
        case "ftruncate":
            return _Truncate(size=call.number)
        case _:
            raise NotImplementedError(call.name)


def write(state: State, folder: Path) -> None:
    """Leave this in a folder, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in state.items():
        (folder / name).write_bytes(content)

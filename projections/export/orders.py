"""Exports that were ordered from a server: a folder each, whose files say how far each is.

| in `<folder>/<number>/` | |
|---|---|
| `order.json` | what was ordered, and by whom: without it nothing was |
| `files/` | the export itself, as any other is written |
| `failed.json` | why it was given up |
| `lock` | held by the server that makes it |

So a server that starts finds what was ordered, and goes on. Nobody else on the machine reads it.
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from eventstore.errors import StoreInUse
from eventstore.event import Instant
from eventstore.lock import hold, is_held
from projections.errors import TargetUnusable
from projections.export.names import COMPLETE, MANIFEST
from projections.export.wanted import Said, Wanted

State = Literal["waiting", "running", "done", "failed"]

_ORDER: Final = "order.json"
_FAILED: Final = "failed.json"
_LOCK: Final = "lock"
_FILES: Final = "files"
_REMOVED: Final = ".removed"

_STRAY: Final = 3_600.0
"""Seconds after which a folder without an order is of nobody: one may just be put into it."""


class Ordered(Said):
    """What was ordered. The number is the moment of it, and names it for ever.

    `installation` stands for the one whose order it is: several may use one folder.
    """

    number: int
    installation: str
    portal_id: int
    token_id: str
    wanted: Wanted


class Failure(Said):
    """Why an export was given up: a code that never changes, and a sentence."""

    code: str
    detail: str


class Found(NamedTuple):
    """How an export is: what its files say, as far as they are there.

    `pieces` and `rows` are what was written of it. `ended_at` is when it was done, or given up.
    """

    state: State
    manifest: Mapping[str, Any] | None
    complete: Mapping[str, Any] | None
    failure: Failure | None
    pieces: int
    rows: int
    ended_at: Instant | None

    @property
    def of_pieces(self) -> int | None:
        """How many pieces there are in all; None while that is not planned."""
        if self.manifest is None:
            return None
        return sum(len(table["pieces"]) for table in self.manifest["tables"].values())


@dataclass(frozen=True)
class Orders:
    """The orders of one installation in a folder. Its methods raise TargetUnusable."""

    folder: Path
    installation: str

    def reserve(self, now: Instant) -> int:
        """Make room for an order, and return its number. Nothing is ordered yet."""
        with self._told():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            number = now
            while True:
                try:
                    self._of(number).mkdir(mode=0o700)
                except FileExistsError:
                    number += 1
                else:
                    return number

    def place(self, order: Ordered) -> None:
        """Order what there is room for. When this returns, it is on disk."""
        with self._told():
            _keep(self._of(order.number) / _ORDER, order.spelled())

    def all(self) -> list[Ordered]:
        """Return what was ordered, the first first."""
        with self._told():
            found = [self._read(number) for number in sorted(self._numbers())]
        return [order for order in found if order is not None]

    def _numbers(self) -> Iterator[int]:
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name.isdecimal():
                    yield int(path.name)

    def one(self, portal_id: int, number: int) -> Ordered | None:
        """Return an order of a portal, if there is one with this number."""
        with self._told():
            order = self._read(number)
        return order if order is not None and order.portal_id == portal_id else None

    def _read(self, number: int) -> Ordered | None:
        said = _said(self._of(number) / _ORDER)
        if said is None:
            return None
        try:
            order = Ordered.model_validate_json(said)
        except ValidationError:  # of another version
            return None
        return order if order.installation == self.installation else None

    def how(self, order: Ordered) -> Found:
        """Return how an export is."""
        with self._told():
            failed = _said(self._of(order.number) / _FAILED)
            manifest, complete = (_said(self.files(order) / name) for name in (MANIFEST, COMPLETE))
            notes = [] if complete or failed else list(self._notes(order))
            return Found(
                state=self._state(order, failed, complete),
                manifest=None if manifest is None else from_json(manifest),
                complete=None if complete is None else from_json(complete),
                failure=None if failed is None else Failure.model_validate_json(failed),
                pieces=len(notes),
                rows=sum(part["rows"] for parts in notes for part in parts),
                ended_at=self._ended_at(order),
            )

    def _state(self, order: Ordered, failed: bytes | None, complete: bytes | None) -> State:
        if failed is not None:
            return "failed"
        if complete is not None:
            return "done"
        return "running" if is_held(self._of(order.number) / _LOCK) else "waiting"

    def _notes(self, order: Ordered) -> Iterator[Any]:
        """Give what is noted of each piece that was written."""
        with suppress(FileNotFoundError):
            for path in (self.files(order) / "_progress").iterdir():
                if path.suffix == ".json" and (said := _said(path)):
                    yield from_json(said)

    def _ended_at(self, order: Ordered) -> Instant | None:
        for path in (self._of(order.number) / _FAILED, self.files(order) / COMPLETE):
            with suppress(FileNotFoundError):
                return path.stat().st_mtime_ns // 1_000
        return None

    def unfinished(self) -> list[Ordered]:
        """Return what is neither done nor given up, the first first."""
        with self._told():
            return [order for order in self.all() if self._ended_at(order) is None]

    def there(self, order: Ordered) -> bool:
        """Say whether an order stands: nobody has removed it."""
        return (self._of(order.number) / _ORDER).exists()

    def files(self, order: Ordered) -> Path:
        """Return the folder of the export itself."""
        return self._of(order.number) / _FILES

    @contextmanager
    def claim(self, order: Ordered) -> Iterator[bool]:
        """Make an export; whether nobody else does, nor did, is what the context gives."""
        held = False
        with ExitStack() as stack:
            with self._told(), suppress(StoreInUse, FileNotFoundError):
                stack.enter_context(hold(self._of(order.number) / _LOCK))
                held = True
            yield held and self.there(order) and self._ended_at(order) is None

    def fail(self, order: Ordered, failure: Failure) -> None:
        """Give an export up. Its files go first: perhaps there was no room for them."""
        with self._told():
            shutil.rmtree(self.files(order), ignore_errors=True)
            _keep(self._of(order.number) / _FAILED, failure.spelled())

    def remove(self, number: int) -> None:
        """Remove an order and its files; who makes it stops. From here on it is not there."""
        there = self._of(number)
        gone = there.with_name(f"{number}{_REMOVED}")
        with self._told(), suppress(FileNotFoundError):
            there.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def sweep(self, *, ended_before: Instant | None) -> None:
        """Remove what ended before a moment, and what nobody has ordered or was half removed."""
        for order in self.all():
            ended_at = self._ended_at(order)
            if ended_at is not None and ended_before is not None and ended_at < ended_before:
                self.remove(order.number)
        with self._told(), suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name.endswith(_REMOVED):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name.isdecimal() and not (path / _ORDER).exists() and _is_old(path):
                    self.remove(int(path.name))

    def _of(self, number: int) -> Path:
        return self.folder / str(number)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise TargetUnusable for what the folder does not do."""
        try:
            yield
        except OSError as error:
            raise TargetUnusable(str(self.folder), error.strerror or "it cannot be used") from None


def _said(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _keep(path: Path, said: bytes) -> None:
    """Write a file: it is there whole, and on the disk, or not at all."""
    part = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(said)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    for folder in (path.parent, path.parent.parent):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _is_old(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _STRAY
    return False

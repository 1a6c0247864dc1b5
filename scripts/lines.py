"""The lines of a file of events, whatever their number: plain or gzip, from a file or a pipe."""

import gzip
import io
import secrets
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from eventstore.secret_key import SecretKey
from scripts.console import Failure

KEPT: Final = 16 * 2**20
"""Bytes of a line that are held at once. Of a longer one only the number and size are known."""

_GZIP: Final = b"\x1f\x8b"
_BUFFER: Final = 2**20


class Source(NamedTuple):
    """Bytes that can be read anew by `open`, and how many there are, as they are stored."""

    open: Callable[[], BinaryIO]
    size: int


class Line(NamedTuple):
    """A line that is not blank; numbers begin at 1. The body is empty if it is beyond `KEPT`."""

    number: int
    body: bytes
    size: int


@contextmanager
def source(file: str, stdin: BinaryIO, folder: Path | None) -> Iterator[Source]:
    """Give a way to read a file twice; `-` is stdin.

    What can be read only once is spooled in `folder`, or where the system has such files: sealed
    with a key that only this process knows, since secrets are not redacted yet, and without a
    name, so that it ends with us.
    """
    path = Path(file)
    if file != "-" and path.is_file():
        yield Source(lambda: path.open("rb", buffering=_BUFFER), path.stat().st_size)
        return
    with tempfile.TemporaryFile(dir=folder) as spool:
        key = SecretKey(0, secrets.token_bytes(32))
        if file == "-":
            _spool(stdin, spool, key)
        else:
            with path.open("rb") as once:
                _spool(once, spool, key)

        def opened() -> BinaryIO:
            spool.seek(0)
            return cast(BinaryIO, io.BufferedReader(_Spooled(spool, key), _BUFFER))

        yield Source(opened, spool.tell())


def lines(file: Source) -> Iterator[Line]:
    """Read the lines that are not blank. gzip is known by its first bytes, not by the name.

    Raises Failure for gzip that is damaged or cut off.
    """
    with file.open() as raw:
        start = raw.peek(2)[:2] if isinstance(raw, io.BufferedReader) else b""
        text = raw
        if start == _GZIP:
            text = cast(
                BinaryIO, io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=raw)), _BUFFER)
            )
        try:
            yield from _split(text)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise Failure(
                "the gzip file is damaged or cut off: nothing behind that is read"
            ) from None


def _split(text: BinaryIO) -> Iterator[Line]:
    number = 0
    while read := text.readline(KEPT + 1):
        number += 1
        if len(read) > KEPT:
            yield Line(number, b"", len(read) + _skip_line(text, read))
        elif body := read.strip():
            yield Line(number, body, len(body))


def _skip_line(text: BinaryIO, begun: bytes) -> int:
    """Read on to the end of a line; return how many bytes that was."""
    skipped = 0
    part = begun
    while part and not part.endswith(b"\n"):
        part = text.readline(_BUFFER)
        skipped += len(part)
    return skipped


def _spool(once: BinaryIO, spool: BinaryIO, key: SecretKey) -> None:
    parts: Iterable[bytes] = iter(lambda: once.read(_BUFFER), b"")
    for number, part in enumerate(parts):
        sealed = key.seal(part, f"part {number}")
        spool.write(len(sealed).to_bytes(4, "big") + sealed)
    spool.flush()


class _Spooled(io.RawIOBase):
    """Reads what `_spool` wrote."""

    def __init__(self, spool: BinaryIO, key: SecretKey) -> None:
        self._spool = spool
        self._key = key
        self._number = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(self._next())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next(self) -> bytes:
        size = int.from_bytes(self._spool.read(4), "big")
        if not size:
            return b""
        part = self._key.unseal(self._spool.read(size), f"part {self._number}")
        self._number += 1
        return part

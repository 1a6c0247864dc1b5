"""A file of events: plain or gzip, from a file or a pipe, read some lines at a time."""

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
from scripts.lines import KEPT, Block

_GZIP: Final = b"\x1f\x8b"
_BUFFER: Final = 2**20
_BLOCK: Final = 2**19
"""How many bytes of lines are read at once, or one line that is longer."""


class Source(NamedTuple):
    """Bytes that can be read anew by `open`, and how many there are, as they are stored."""

    open: Callable[[], BinaryIO]
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


def blocks(file: Source) -> Iterator[Block]:
    """Read all lines, some at a time. gzip is known by its first bytes, not by the name.

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
            yield from _cut(text)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise Failure(
                "the gzip file is damaged or cut off: nothing behind that is read"
            ) from None


def _cut(text: BinaryIO) -> Iterator[Block]:
    number = 1
    begun = b""
    while part := text.read(_BLOCK):
        end = part.rfind(b"\n") + 1
        if end:
            block = Block(number, begun + part[:end])
        elif len(begun) + len(part) > KEPT:
            block = Block(number, b"", len(begun) + len(part) + _skip_line(text))
        else:
            begun += part
            continue
        yield block
        number += block.lines
        begun = part[end:] if end else b""
    if begun:
        yield Block(number, begun)


def _skip_line(text: BinaryIO) -> int:
    """Read on to the end of a line; return how many bytes that was."""
    skipped = 0
    while part := text.readline(_BUFFER):
        skipped += len(part.rstrip(b"\n"))
        if part.endswith(b"\n"):
            break
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

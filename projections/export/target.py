"""Where an export goes: a folder of this machine, or a bucket of an object store."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyarrow as pa
from pyarrow import fs

from projections.errors import TargetUnusable

_BUFFER: Final = 1 << 20


@dataclass(frozen=True)
class Target:
    """A folder that an export is written to. A file is there whole, or not at all.

    What is written goes to the disk, and has its name after that. It can be sent to another
    process.
    """

    address: str

    @property
    def local(self) -> Path | None:
        """The folder, where it is one of this machine."""
        return None if "://" in self.address else Path(self.address).absolute()

    def read(self, name: str) -> bytes | None:
        """Return what a file says; None where there is none. Raises TargetUnusable."""
        files, root = self._opened()
        try:
            with files.open_input_stream(f"{root}/{name}") as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None

    @contextmanager
    def writing(self, name: str) -> Iterator["Written"]:
        """Write a file: it has its name when this ends without an error. Raises TargetUnusable."""
        files, root = self._opened()
        path = f"{root}/{name}"
        local = isinstance(files, fs.LocalFileSystem)
        # An object is there when all of it was sent; a file has its name when it is on the disk.
        there = f"{path}.part" if local else path
        try:
            files.create_dir(str(PurePosixPath(path).parent), recursive=True)
            with files.open_output_stream(there, buffer_size=_BUFFER) as file:
                yield (written := Written(file))
            if local:
                _keep(Path(there), Path(path))
        except (OSError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None
        del written

    def remove(self, name: str) -> None:
        """Remove a file, if it is there. Raises TargetUnusable."""
        files, root = self._opened()
        try:
            files.delete_file(f"{root}/{name}")
        except FileNotFoundError:
            pass
        except (OSError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None

    def size(self, name: str) -> int | None:
        """Return how many bytes a file has; None where there is none. Raises TargetUnusable."""
        files, root = self._opened()
        try:
            found = files.get_file_info(f"{root}/{name}")
        except (OSError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None
        return found.size if found.type is fs.FileType.File else None

    def _opened(self) -> tuple[fs.FileSystem, str]:
        try:
            if "://" in self.address:
                files, root = fs.FileSystem.from_uri(self.address)
                return files, root.rstrip("/")
            return fs.LocalFileSystem(), str(Path(self.address).absolute())
        except (OSError, ValueError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None


class Written:
    """A file that is being written: what was written so far, counted and digested."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write some bytes."""
        view = memoryview(data)
        self._digest.update(view)
        self.bytes += view.nbytes
        self._file.write(view)
        return view.nbytes

    def tell(self) -> int:
        """Return where the next byte goes."""
        return self.bytes

    def flush(self) -> None:
        """Do nothing: it is kept at the end, and as a whole."""

    def close(self) -> None:
        """Do nothing: who opened the file closes it."""

    def readable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return False."""
        return False

    @property
    def sha256(self) -> str:
        """The digest of what was written, in hex."""
        return self._digest.hexdigest()


def _keep(there: Path, path: Path) -> None:
    with there.open("rb") as file:
        os.fsync(file.fileno())
    there.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0]

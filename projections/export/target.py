"""Where an export goes: a folder of this machine, or a bucket of an object store."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
from pyarrow import fs

from eventstore.database.sqlite import sync
from eventstore.errors import StoreInUse
from eventstore.lock import hold
from projections.errors import TargetUnusable

_BUFFER: Final = 1 << 20

_LOCK: Final = "_lock"
_UNFINISHED: Final = re.compile(r".+\.[0-9]+\.part")
"""What a file is called that is being written, by the process of that number."""

_WHERE: Final = ("*.part", "_progress/*.part", "table=*/**/*.part")
"""Where such files are: what else is in a folder is not ours."""


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
        try:
            if isinstance(files, fs.LocalFileSystem):
                with _kept(Path(path)) as file:
                    yield Written(file)
            else:
                # To close what is being sent makes an object of it, also when something failed.
                with tempfile.TemporaryFile() as file:
                    yield Written(file)
                    file.seek(0)
                    with files.open_output_stream(path) as sent:
                        shutil.copyfileobj(file, sent, _BUFFER)
        except (OSError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from writing to this folder, as long as the context lasts.

        Nothing can in a bucket. Raises TargetUnusable when another process has it.
        """
        files, root = self._opened()
        if not isinstance(files, fs.LocalFileSystem):
            yield
            return
        with ExitStack() as stack:
            lock = Path(root, _LOCK)
            try:
                lock.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(hold(lock))
                for left in _left_in(Path(root)):
                    left.unlink()
            except StoreInUse:
                said = "another process is writing an export there"
                raise TargetUnusable(self.address, said) from None
            except OSError as error:
                raise TargetUnusable(self.address, _said(error)) from None
            yield
            lock.unlink()

    def foreign(self) -> str | None:
        """Return the name of something that is no export's, if there is any."""
        files, root = self._opened()
        try:
            found = files.get_file_info(fs.FileSelector(root, allow_not_found=True))
        except (OSError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None
        names = {each.base_name for each in found if not _UNFINISHED.fullmatch(each.base_name)}
        return min((name for name in names if not name.startswith((".", "_"))), default=None)

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
        scheme, separator, rest = self.address.partition("://")
        if not separator:
            return fs.LocalFileSystem(), str(Path(self.address).absolute())
        if scheme != "s3" or not rest.strip("/"):
            raise TargetUnusable(self.address, "use a folder, or s3://BUCKET/FOLDER")
        if "@" in rest:
            said = "credentials stand in the environment, never in an address"
            raise TargetUnusable("s3://…", said)
        try:
            files, root = fs.FileSystem.from_uri(self.address)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise TargetUnusable(self.address, _said(error)) from None
        return files, root.rstrip("/")


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


@contextmanager
def _kept(path: Path) -> Iterator[BinaryIO]:
    """Write a file that has its name when it is on the disk, and so have its folders."""
    missing = [each for each in path.parents if not each.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of its own name: who was killed may have workers that are not gone yet.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    for folder in [path.parent, *(each.parent for each in missing)]:
        sync(folder)


def _left_in(root: Path) -> list[Path]:
    """Return the files that were being written by who was killed."""
    found = [path for where in _WHERE for path in root.glob(where)]
    return [path for path in found if _UNFINISHED.fullmatch(path.name)]


def _said(error: Exception) -> str:
    if number := re.search(r"\[errno (\d+)\]", str(error)):  # how Arrow spells those of files
        return os.strerror(int(number[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0]

"""Unreadable bodies that came while the catalog was away: sealed files, until it keeps them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from pydantic import TypeAdapter, ValidationError
from uuid_utils import uuid7

from eventstore.database.sqlite import sync
from eventstore.errors import WrongSecretKey
from eventstore.quarantine import MAX_BYTES, Quarantine, Unreadable
from eventstore.secret_key import SecretKey

_log = structlog.get_logger()


class _Waiting(NamedTuple):
    portal_id: int
    found: Unreadable
    body: str


_CONTENT: Final = TypeAdapter(_Waiting)


@dataclass(frozen=True)
class WaitingBodies:
    """A folder beside the spool, with a file for each body. Their names say when they came."""

    folder: Path
    key: SecretKey

    def keep(self, portal_id: int, body: bytes, found: Unreadable) -> bool:
        """Keep a body, sealed and durable; False when it cannot be, or too much waits already."""
        try:
            return self._keep(portal_id, body, found)
        except OSError as error:
            _log.critical("an unreadable body cannot be kept", error=error.strerror)
            return False

    def _keep(self, portal_id: int, body: bytes, found: Unreadable) -> bool:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if sum(path.stat().st_size for path in self._waiting()) + len(body) > MAX_BYTES:
            return False
        path = self.folder / f"{uuid7()}.sealed"
        # Nobody could read it, so it may be any bytes: they are spelled one for one.
        content = _CONTENT.dump_json(_Waiting(portal_id, found, body.decode("latin-1")))
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self.key.seal(content, path.stem))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(self.folder)
        return True

    async def bring_to(self, quarantine: Quarantine) -> None:
        """Put what waits in quarantine, in the order in which it came.

        Raises StoreUnavailable when the catalog is away; a body that is kept twice is kept once.
        """
        for path in self._waiting():
            try:
                content = self.key.unseal(path.read_bytes(), path.stem)
                portal_id, found, body = _CONTENT.validate_json(content)
            except (WrongSecretKey, ValidationError, OSError) as error:
                _log.error("a waiting body is not ours", file=str(path), error=type(error).__name__)
                path.rename(path.with_suffix(".foreign"))
                continue
            if await quarantine.keep(portal_id, body.encode("latin-1"), found) is not None:
                path.unlink()  # else the quarantine is full: it waits until there is room

    def _waiting(self) -> list[Path]:
        return sorted(self.folder.glob("*.sealed"))

"""Keyset cursors: where the next page begins, signed so that nobody can make one up."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json, to_json

from api.problems import Problem

_SIGNATURE: Final = 16


@dataclass(frozen=True)
class Cursor:
    """Where a page ended, the position that the walk began at, and the place it began from."""

    key: Sequence[Any]
    began_at: int
    anchor: Sequence[Any] | None = None


class Cursors:
    """Writes and reads the cursors of one installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, cursor: Cursor, about: Sequence[Any]) -> str:
        """Return an opaque cursor that is good only for the same route, portal and filters."""
        body = to_json([cursor.key, cursor.began_at, cursor.anchor])
        return base64.urlsafe_b64encode(self._sign(body, about) + body).rstrip(b"=").decode()

    def read(self, text: str, about: Sequence[Any]) -> Cursor:
        """Return what `write` was given.

        Raises Problem(invalid_cursor) when it was written about something else, or not by us.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(body, about)):
            raise foreign_cursor()
        return Cursor(*from_json(body))

    def _sign(self, body: bytes, about: Sequence[Any]) -> bytes:
        subject = hashlib.sha256(to_json(about)).digest()
        return hmac.digest(self._key, subject + body, "sha256")[:_SIGNATURE]


def foreign_cursor() -> Problem:
    """Say that a cursor was written about something else."""
    return Problem(
        "invalid_cursor",
        "This cursor belongs to another list or to other filters. Use `page.next` of the"
        " answer before, with the same parameters, or begin without a cursor.",
        parameter="cursor",
    )

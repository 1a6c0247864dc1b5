"""Bytes to a tree, whatever they claim to be."""

from typing import Any

from pydantic_core import from_json

from eventstore.errors import UnreadableBody
from eventstore.form import parse_form

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_body(body: bytes) -> Any:
    """Read a webhook's body: JSON if it begins like an object or an array, else a form.

    The bytes decide: the Content-Type is missing or wrong in the wild (reference, section 1.2),
    and no form of a portal begins with a bracket. Raises UnreadableBody, or TooLarge, for what
    neither can read, and for nothing at all.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK).strip()
    if not text:
        raise UnreadableBody("an empty body")
    return parse_json(text) if text[:1] in (b"{", b"[") else parse_form(text)


def parse_json(body: bytes) -> Any:
    """Read JSON. Integers are exact, however long, up to 4,300 digits.

    Raises UnreadableBody with the line and the column for anything else, 200 levels of nesting
    and lone surrogates included. A number like 1e999 passes as infinite: `redact` refuses it.
    """
    try:
        return from_json(body.removeprefix(_BYTE_ORDER_MARK), allow_inf_nan=False)
    except ValueError as error:  # it says what was expected and where, never what is there
        raise UnreadableBody(f"no JSON: {error}") from None

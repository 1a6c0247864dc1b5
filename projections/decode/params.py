"""The `params` that ride on a message: every family has them, keys in any case (reference, 3.2)."""

from collections.abc import Iterable
from typing import Any

from typing_extensions import TypedDict

from projections.decode.wire import Listed, OptionalId, Presence, Text


class Params(TypedDict, total=False):
    """The keys that mean something to us, in lower case."""

    code: Listed[Text]
    file_id: Listed[OptionalId]
    reply_id: Listed[OptionalId]
    attach: Presence
    url_attach: Presence
    keyboard: Presence
    menu: Presence


def code_of(params: Params) -> str | None:
    """What kind of system message this is."""
    codes = params["code"]
    return (codes[0] or None) if codes else None


def replied_to(params: Params) -> int | None:
    """The message that this one answers; 0 is none."""
    replies = params["reply_id"]
    return replies[0] if replies else None


def known_by_id(file_ids: Iterable[int | None]) -> list[dict[str, Any]]:
    """Files of which the wire tells the id and nothing else."""
    return [{"id": file, "name": None, "type": None, "size": None} for file in file_ids if file]


def is_attached(params: Params) -> bool:
    """Whether something other than a file rides on the message, so that it may have no text."""
    return params["attach"] or params["keyboard"] or params["menu"] or params["url_attach"]

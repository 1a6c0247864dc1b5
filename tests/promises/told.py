"""What read models say of a portal, in the words of a portal that knows the truth."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

SECOND: Final = 1_000_000

Ask = Callable[..., Awaitable[list[tuple[Any, ...]]]]
"""Gives the columns that are named after a table, of all of its rows."""


@dataclass
class Told:
    """What the read models say of a portal, in the words of its truth."""

    messages: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    versions: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    reactions: dict[tuple[int, int, str], list[tuple[int, int | None]]] = field(
        default_factory=dict
    )
    stays: dict[tuple[int, int], list[tuple[int | None, int | None]]] = field(default_factory=dict)
    titles: dict[int, list[str]] = field(default_factory=dict)


async def told(ask: Ask) -> Told:
    """Gather what the rows of a portal say; `ask` gives the columns of a table's rows."""

    async def rows(table: str, columns: str) -> list[tuple[Any, ...]]:
        return await ask(table, *columns.split())

    columns = "message_id chat_id author_id text state posted_at deleted_at edited_at"
    said = Told({row[0]: row[1:] for row in await rows("message", columns)})
    columns = "message_id version from_at text"
    for message, _, at, words in sorted(await rows("message_version", columns)):
        said.versions.setdefault(message, []).append((at, words))
    columns = "message_id user_id code ordinal from_at until_at"
    for message, user, code, _, since, until in sorted(await rows("reaction", columns)):
        said.reactions.setdefault((message, user, code), []).append((since, until))
    columns = "chat_id user_id ordinal joined_at left_at"
    for chat, user, _, since, until in sorted(await rows("membership", columns)):
        said.stays.setdefault((chat, user), []).append((since, until))
    for chat, _, title in sorted(await rows("chat_version", "chat_id version title")):
        titles = said.titles.setdefault(chat, [])
        # a version may differ in something else, and in the first moment only that may be known
        if title is not None and titles[-1:] != [title]:
            titles.append(title)
    return said

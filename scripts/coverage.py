"""`chronicle coverage`: what was seen of each chat, and what was not."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import typer

from api import models
from api.coverage import of_chat, of_portal
from eventstore.database import Pool
from eventstore.directory import Portal
from projections.generations import maker_of
from projections.project import checkpoint_of
from projections.read import chats
from projections.read.chats import ChatKey, CountedChat
from projections.read.now import Now
from scripts.console import (
    Failure,
    Json,
    OnePortal,
    application,
    example,
    run,
    say,
    show_json,
    show_table,
    stdout,
)
from scripts.store import OpenStore, open_store

app = application()

_PAGE: Final = 200
"""Chats that are read at once."""

_SHOWN: Final = 50
"""Chats that a person is shown, the most recently active first."""

Seen = tuple[models.PortalCoverage, list[tuple[str | None, models.ChatCoverage]]]
"""How the queues were watched, and chats with their titles."""


@app.command(
    epilog=example("chronicle coverage --portal acme", "chronicle coverage --portal acme --chat 5")
)
def coverage(
    portal: OnePortal,
    chat: Annotated[int | None, typer.Option(min=1, metavar="ID", help="Only this chat.")] = None,
    *,
    json: Json = False,
) -> None:
    """Print what was seen of each chat, and the holes between. Reads only: a server may run."""

    async def read() -> Seen:
        async with open_store() as store, _reading(store, store.snapshot.portal(portal)) as now:
            if chat is None:
                found = [each async for each in _chats(now, None if json else _SHOWN + 1)]
            elif known := await now.chat(chat):
                found = [known]
            else:
                raise Failure(f"{portal}: nothing was ever told of a chat {chat}")
            seen = [(each.row.title, await of_chat(now, each.row.chat_id)) for each in found]
            return await of_portal(now), seen

    of_all, seen = asyncio.run(read())
    if json:
        show_json({"portal": portal, "coverage": of_all, "chats": [each for _, each in seen]})
    elif chat is None:
        _show_portal(of_all, seen)
    else:
        _show_chat(*seen[0])


@asynccontextmanager
async def _reading(store: OpenStore, portal: Portal) -> AsyncIterator[Now]:
    """Read a portal as it is. Raises Failure where nothing of this version is projected."""
    generation = store.place.generation(portal.generation)
    if not await generation.exists():
        raise Failure(f"{portal.slug}: nothing is projected yet: `chronicle serve` does it")
    pool = Pool(generation, 1)
    try:
        async with pool.reading() as session:
            if await maker_of(session) is None:
                raise Failure(
                    f"{portal.slug}: the read models are of another version: `chronicle rebuild`"
                )
            yield Now(session, portal.id, await checkpoint_of(session, portal.id))
    finally:
        await pool.close()


async def _chats(now: Now, most: int | None) -> AsyncIterator[CountedChat]:
    key, given = chats.LATEST, 0
    while most is None or given < most:
        limit = _PAGE if most is None else min(_PAGE, most - given)
        page = await now.chats(of_type=None, key=key, limit=limit)
        for each in page:
            yield each
        if len(page) < limit:
            return
        given += len(page)
        key = ChatKey(page[-1].row.last_activity_at, page[-1].row.chat_id)


def _show_portal(
    of_all: models.PortalCoverage, seen: Sequence[tuple[str | None, models.ChatCoverage]]
) -> None:
    _show_holes(of_all, "queues")
    stdout().print()
    columns = ("chat", "title", "coverage", "since", "until", "holes", "repaired", "orphans")
    rows = [_chat_row(title, each) for title, each in seen[:_SHOWN]]
    show_table(columns, rows)
    if len(seen) > _SHOWN:
        say(f"the {_SHOWN} most recently active chats; --json has all")


def _chat_row(title: str | None, chat: models.ChatCoverage) -> list[Any]:
    return [
        chat["chat_id"],
        title,
        chat["status"],
        _time(chat["since"]),
        _time(chat["until"]),
        len(chat["holes"]),
        sum(hole["repaired"] for hole in chat["holes"]),
        _orphans(chat["orphans"]),
    ]


def _show_chat(title: str | None, chat: models.ChatCoverage) -> None:
    _show_holes(chat, title or f"chat {chat['chat_id']}")
    stdout().print()
    show_table(("receiver", "covered from", "until"), _covered(chat))
    for subject, says in (("messages", "never seen as created"), ("replies", "to unknown ones")):
        orphans = chat["orphans"][subject] if chat["orphans"] else None  # type: ignore[literal-required]
        if orphans and orphans["ids"]:
            count = f"{orphans['count']['value']:,}"
            stdout().print(f"\n{subject} {says} ({count}):", *orphans["ids"])


def _covered(chat: models.ChatCoverage) -> Iterator[list[Any]]:
    for receiver in chat["receivers"]:
        for part in receiver["covered"]:
            yield [receiver["receiver"], _time(part["from"]), _time(part["until"])]


def _show_holes(seen: models.Coverage, of: str) -> None:
    since, until = _time(seen["since"]), _time(seen["until"])
    span = f", seen from {since} until {until}" if since else ""
    stdout().print(f"{of}: {seen['status']}{span}")
    if seen["holes"]:
        show_table(
            ("not seen from", "until", "cause", "receiver", "repaired"),
            [
                [
                    _time(hole["from"]) or "the beginning",
                    _time(hole["until"]) or "now",
                    hole["cause"].replace("_", " "),
                    hole["receiver"],
                    "yes" if hole["repaired"] else "no",
                ]
                for hole in seen["holes"]
            ],
        )


def _time(moment: str | None) -> str | None:
    """Spell a moment for a person: to the second, in UTC."""
    return None if moment is None else f"{moment[:10]} {moment[11:19]}Z"


def _orphans(orphans: models.Orphans | None) -> int | None:
    if orphans is None:
        return None
    return orphans["messages"]["count"]["value"] + orphans["replies"]["count"]["value"]


if __name__ == "__main__":
    run(app)

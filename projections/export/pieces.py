"""One piece of an export, from its rows to its files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from eventstore.database import Place, Session
from eventstore.event import Instant
from projections.export.arrow import UNKNOWN, by_month, in_order, table_of
from projections.export.files import write_file
from projections.export.increments import changed_rows
from projections.export.manifest import Part
from projections.export.names import TableName
from projections.export.rows import Sources
from projections.export.runs import in_runs
from projections.export.selection import Piece
from projections.export.shown import shown_rows
from projections.export.tables import table_for
from projections.export.target import Target
from projections.export.transcript.write import Asked, transcript
from projections.export.wanted import Wanted
from projections.view import View
from projections.workers import finished


class Source(NamedTuple):
    """What an export is made from: of which installation, a log, a generation of read models."""

    installation: str
    log: Place
    models: Place
    portal_id: int


class Order(NamedTuple):
    """What a worker must know to write pieces of an export."""

    source: Source
    target: Target
    wanted: Wanted
    view: View
    head: int
    made_at: Instant


def written(order: Order, piece: Piece) -> list[Part]:
    """Write the files of a piece, one a month, and say what each is.

    The same piece of the same export has the same bytes whenever it is written. Raises
    TargetUnusable and StoreUnavailable.
    """
    return finished(_written(order, piece))


async def _written(order: Order, piece: Piece) -> list[Part]:
    if piece.table == "transcript":
        return [await _page(order, piece.number)]
    wanted = order.wanted
    table = table_for(piece.table, op=wanted.from_position is not None)
    async with _opened(order.source) as sources:
        if wanted.from_position is None:
            found = shown_rows(sources, piece, wanted, order.view)
        else:
            found = changed_rows(sources, piece, wanted, order.view, first=wanted.from_position)
        tables = (table_of(table, rows) async for rows in found)
        number, parts = 0, []
        async for run in in_runs(tables):
            rows = in_order(table, run)
            del run  # or it would be in memory twice
            for month, part in by_month(table, rows):
                name = f"part-{piece.number:05}{f'-{number}' if number else ''}"
                parts.append(write_file(order.target, wanted, table, part, month=month, name=name))
            number += 1
            del rows, part  # before the next are gathered
    return parts


def empty(order: Order, name: TableName) -> Part:
    """Write a file without rows: who reads a table of which there are none finds its columns."""
    table = table_for(name, op=order.wanted.from_position is not None)
    rows = table_of(table, ())
    return write_file(order.target, order.wanted, table, rows, month=UNKNOWN, name="part-00000")


async def _page(order: Order, chat_id: int) -> Part:
    """Write the transcript of a chat: the rows of such a file are messages."""
    path, rows = f"chat-{chat_id}.html", 0
    asked = Asked(chat_id, order.wanted, order.view, order.head, order.made_at)
    async with _opened(order.source) as sources:
        with order.target.writing(path) as file:
            async for part in transcript(sources.models, sources.portal_id, asked):
                file.write(part.text.encode())
                rows += part.messages
    return Part(path=path, table="transcript", rows=rows, bytes=file.bytes, sha256=file.sha256)


@asynccontextmanager
async def _opened(source: Source) -> AsyncIterator[Sources]:
    log, models = await source.log.open_reader(), await source.models.open_reader()
    try:
        async with log.moment(), models.moment():
            yield Sources(log, models, source.portal_id)
    finally:
        await _closed(log, models)


async def _closed(*sessions: Session) -> None:
    for session in sessions:
        await session.close()

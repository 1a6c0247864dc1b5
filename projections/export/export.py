"""Makes an export: what is asked first, then its pieces, then that it is whole.

Whoever is killed goes on with the same words: the position, and the pieces, stand in the manifest,
and what was written of them has been noted.
"""

from collections.abc import Callable
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from eventstore.event import Instant
from projections.errors import OtherExport
from projections.export.manifest import (
    Complete,
    Manifest,
    Part,
    read_complete,
    read_manifest,
)
from projections.export.names import COMPLETE, MANIFEST
from projections.export.pieces import Order, Source, empty, written
from projections.export.plan import fingerprint, manifest_of
from projections.export.selection import Piece
from projections.export.target import Target
from projections.export.wanted import Wanted
from projections.workers import Workers, default_jobs

_PARTS: Final = TypeAdapter(list[Part])

Progress = Callable[[int, int], Any]
"""Is told how many rows are written by now, and how many there will be, going by the pieces."""


async def export(  # noqa: PLR0913 - from where, to where, what, and how
    source: Source,
    target: Target,
    wanted: Wanted,
    progress: Progress,
    *,
    now: Instant,
    jobs: int | None = None,
) -> Complete:
    """Write an export, or what is missing of one that was cut off; return what it is made of.

    Raises NothingToExport, OtherExport when the folder holds another one, TargetUnusable,
    StoreUnavailable.
    """
    # What cannot be made leaves nothing behind.
    planned = _begun(source, target, wanted) or await manifest_of(source, wanted, now)
    with target.held():
        manifest = _begun(source, target, wanted) or _begin(target, planned)
        if target.size(COMPLETE) is not None:
            return read_complete(target)
        order = Order(
            source, target, manifest.wanted, manifest.view, manifest.head, manifest.created_at
        )
        parts = await _pieces(order, manifest.pieces, progress, jobs or default_jobs())
        return _ended(order, manifest, parts)


def _ended(order: Order, manifest: Manifest, parts: list[Part]) -> Complete:
    """Say that an export is whole, and what it is made of."""
    if order.wanted.from_position is None:
        written_of = {part.table for part in parts}
        parts += [empty(order, name) for name in manifest.tables if name not in written_of]
    rows = {
        name: sum(part.rows for part in parts if part.table == name)
        for name in dict.fromkeys([*manifest.tables, *(piece.table for piece in manifest.pieces)])
    }
    whole = Complete(position=manifest.position, rows=rows, parts=tuple(parts))
    with order.target.writing(COMPLETE) as file:
        file.write(whole.spelled())
    for piece in manifest.pieces:
        order.target.remove(_note(piece))
    return whole


def _begun(source: Source, target: Target, wanted: Wanted) -> Manifest | None:
    """Return the manifest of the export that is there, if one is, and this is it."""
    begun = read_manifest(target)
    if begun is None:
        if foreign := target.foreign():
            raise OtherExport(target.address, f"{foreign} is in it")
    elif begun.installation != source.installation:
        raise OtherExport(target.address, "it is of another store, with a portal of that name")
    elif begun.wanted != wanted:
        raise OtherExport(target.address, "it was asked for in other words")
    elif begun.merged is not None and target.size(COMPLETE) is None:
        raise OtherExport(target.address, "it was being merged of others, with --merge")
    elif begun.fingerprint != fingerprint():
        raise OtherExport(target.address, "another version of this program began it")
    return begun


def _begin(target: Target, planned: Manifest) -> Manifest:
    with target.writing(MANIFEST) as file:
        file.write(planned.spelled())
    return planned


async def _pieces(order: Order, pieces: list[Piece], progress: Progress, jobs: int) -> list[Part]:
    parts = {piece: _noted(order.target, piece) for piece in pieces}
    missing = [(order, piece) for piece in pieces if parts[piece] is None]
    done = rows = 0
    workers = Workers(min(jobs, max(len(missing), 1)))
    try:
        async for (_, piece), found in workers.in_order(written, missing):
            with order.target.writing(_note(piece)) as file:
                file.write(_PARTS.dump_json(found))
            parts[piece] = found
            done += 1
            rows += sum(part.rows for part in found)
            progress(rows, rows * len(missing) // done)
    except BaseException:
        workers.abandon()
        raise
    finally:
        workers.close()
    return [part for found in parts.values() for part in found or ()]


def _note(piece: Piece) -> str:
    return f"_progress/{piece.table}-{piece.number:05}.json"


def _noted(target: Target, piece: Piece) -> list[Part] | None:
    """Return the files of a piece that was written, None where it was not, or is not there."""
    said = target.read(_note(piece))
    if said is None:
        return None
    try:
        parts = _PARTS.validate_json(said)
    except ValidationError:
        return None
    return parts if all(target.size(part.path) == part.bytes for part in parts) else None

"""Makes the exports that were ordered, one at a time, in a process that gives way to the server."""

import asyncio
import multiprocessing
import os
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from api.times import now
from eventstore.directory import Portal
from eventstore.errors import EventstoreError, StoreUnavailable
from eventstore.store import Store
from projections.errors import NothingToExport, OtherExport, TargetUnusable
from projections.export.orders import Failure, Ordered, Orders
from projections.workers import begin, default_jobs

if TYPE_CHECKING:
    from api.state import State

_log = structlog.get_logger()

_LOOK: Final = 15.0
"""Seconds between two looks for orders that another server has left."""

_STANDS: Final = 1.0
"""Seconds between two looks whether the order stands that is carried out."""

_SWEEP: Final = 60.0
"""Seconds between two looks for what was kept long enough."""

_PAUSES: Final = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)
"""Seconds before an export is gone on with whose store was away. Then it is given up."""

_NICE: Final = 19
"""The processor goes to anybody else first."""


class Running(NamedTuple):
    """The export that is made now: since when, on what was written of it before."""

    number: int
    since: float
    pieces: int
    rows: int


@dataclass
class Exporting:
    """The exports of a server: what was ordered, and the one that it makes now.

    `unsaid` is why some were given up, where not even that can be written down.
    """

    orders: Orders
    keep: float | None
    running: Running | None = None
    unsaid: dict[int, Failure] = field(default_factory=dict)
    ordered: asyncio.Event = field(default_factory=asyncio.Event)
    ordering: asyncio.Lock = field(default_factory=asyncio.Lock)


_ENDED: Final = Failure(
    code="process_ended",
    detail="A process that wrote it was ended, perhaps for want of memory. Order it again.",
)


class _Away(NamedTuple):
    """The store was away, for this reason."""

    reason: str


_Outcome = Failure | _Away | None


async def export_forever(state: "State") -> None:
    """Make what is ordered, the first first, also what a server that ended has left undone."""
    exporting = state.exporting
    swept = 0.0
    while True:
        exporting.ordered.clear()
        try:
            if time.monotonic() - swept > _SWEEP:
                await asyncio.to_thread(exporting.orders.sweep, ended_before=_kept_since(exporting))
                swept = time.monotonic()
            made = state.confirmed and await _make_next(state)
        except (EventstoreError, TargetUnusable) as error:
            _log.error("exports cannot be made", error=str(error))
            made = False
        if not made:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await exporting.ordered.wait()


def _kept_since(exporting: Exporting) -> int | None:
    return None if exporting.keep is None else now() - int(exporting.keep * 1_000_000)


async def _make_next(state: "State") -> bool:
    """Make the first export that nobody else makes; say whether there was one."""
    orders = state.exporting.orders
    for order in await asyncio.to_thread(orders.unfinished):
        if order.number in state.exporting.unsaid:
            continue
        with ExitStack() as stack:
            if await asyncio.to_thread(stack.enter_context, orders.claim(order)):
                await _make(state, order)
                return True
    return False


async def _make(state: "State", order: Ordered) -> None:
    exporting = state.exporting
    found = await asyncio.to_thread(exporting.orders.how, order)
    exporting.running = Running(order.number, time.monotonic(), found.pieces, found.rows)
    about = {"portal": order.wanted.portal, "export": order.number}
    try:
        failure = await _made(state, order)
    finally:
        exporting.running = None
    if not exporting.orders.there(order):
        exporting.orders.remove(order.number)  # what was still written behind the removal
        _log.info("an export was removed while it was made", **about)
    elif failure is None:
        _log.info("an export is done", **about)
    else:
        state.metrics.exports_failed.labels(order.wanted.portal).inc()
        _log.error("an export was given up", reason=failure.detail, **about)
        try:
            await asyncio.to_thread(exporting.orders.fail, order, failure)
        except TargetUnusable as error:
            exporting.unsaid[order.number] = failure
            _log.error("that it was given up cannot be kept", error=str(error), **about)


async def _made(state: "State", order: Ordered) -> Failure | None:
    """Make an export, waiting for a store that is away; return why it is given up, if it is."""
    outcome: _Outcome = None
    for pause in (*_PAUSES, None):
        portal = state.snapshot.portals.get(order.wanted.portal)
        if portal is None or portal.id != order.portal_id:
            return Failure(code="no_portal", detail="The portal is not there any more.")
        outcome = await _attempt(state, order, portal)
        if not isinstance(outcome, _Away):
            return outcome
        _log.warning("an export waits for the store", export=order.number, error=outcome.reason)
        if pause is not None:
            await asyncio.sleep(pause)
    detail = "The store was away for minutes. Order it again when it is back."
    return Failure(code="store_unavailable", detail=detail)


async def _attempt(state: "State", order: Ordered, portal: Portal) -> _Outcome:
    try:
        generation = state.live.generation(portal.id)
    except KeyError:
        return _Away("the read models were not reached yet")
    jobs = max(default_jobs() - 1, 1)
    given = order, state.store, generation, state.exporting.orders.files(order), jobs
    context = multiprocessing.get_context("spawn")
    heard, said = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(said, *given))  # no daemon: it has workers
    try:
        process.start()
        said.close()
        return await _said_by(heard, state.exporting.orders, order)
    except OSError as error:
        return Failure(
            code="process_ended", detail=f"Its process cannot be started: {error.strerror}."
        )
    except EOFError:
        return _ENDED
    finally:
        if process.pid is not None:
            process.kill()  # its workers end with it
            process.join()


async def _said_by(heard: Connection, orders: Orders, order: Ordered) -> _Outcome:
    """Wait for what a process says at its end, or until its order is removed."""
    while not await asyncio.to_thread(heard.poll, _STANDS):
        if not orders.there(order):
            return None
    outcome: _Outcome = heard.recv()
    return outcome


def _work(  # noqa: PLR0913, PLR0917 - what is made of what, where, and how
    said: Connection, order: Ordered, store: Store, generation: int, folder: Path, jobs: int
) -> None:
    begin()
    os.nice(_NICE)
    said.send(_outcome(order, store, generation, folder, jobs))


def _outcome(order: Ordered, store: Store, generation: int, folder: Path, jobs: int) -> _Outcome:
    # Arrow takes long to load: the server never does.
    from projections.export.export import export  # noqa: PLC0415
    from projections.export.pieces import Source  # noqa: PLC0415
    from projections.export.target import Target  # noqa: PLC0415

    source = Source(order.installation, store.log, store.generation(generation), order.portal_id)
    work = export(source, Target(os.fspath(folder)), order.wanted, _quietly, now=now(), jobs=jobs)
    try:
        asyncio.run(work)
    except StoreUnavailable as error:
        return _Away(str(error))
    except Exception as error:  # noqa: BLE001 - whose text could quote what people wrote
        return _failure(error, folder)
    return None


def _failure(error: Exception, folder: Path) -> Failure:
    """Say why an export is given up, to who ordered it: where our folders are, nobody is told."""
    if isinstance(error, NothingToExport):
        return Failure(code="nothing_to_export", detail=f"{error}.")
    if isinstance(error, OtherExport):
        detail = f"It cannot be gone on with: {error.reason}. Order it again."
        return Failure(code="cannot_go_on", detail=detail)
    if isinstance(error, TargetUnusable):
        reason = error.reason.replace(f"{folder.absolute()}/", "").rstrip(".")
        detail = f"The folder of exports does not take it: {reason}."
        return Failure(code="target_unusable", detail=detail)
    if isinstance(error, BrokenProcessPool):
        return _ENDED
    detail = f"A defect of ours ({type(error).__name__}). Please report it."
    return Failure(code="internal_error", detail=detail)


def _quietly(_done: int, _of: int) -> None:
    """Say nothing: what is written says how far it is."""

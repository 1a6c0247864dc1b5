"""The doors by which events come in: webhooks, and batches of everything else."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils import uuid7

from api.answers import answer
from api.auth import Access, admitted, checked
from api.bodies import read_body
from api.models import Received, Result, Results
from api.problems import Problem
from api.state import Kept, State
from api.times import now
from eventstore.body import parse_body, parse_json
from eventstore.directory import Portal
from eventstore.envelope import (
    Receiving,
    application_token,
    check_portal,
    events_of,
    valid_receiver,
    webhook,
)
from eventstore.errors import PortalMismatch, UnreadableBody
from eventstore.event import NewEvent
from eventstore.log import Pending
from eventstore.quarantine import Unreadable
from eventstore.spool import Spooled

_log = structlog.get_logger()

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NDJSON: Final = re.compile(r"application/(x-)?(nd-?json|jsonl|json-?lines)\b", re.IGNORECASE)


async def receive_webhook(request: Request) -> Response:
    """Take one event as a portal sends it; answer when it is durable."""
    state: State = request.state.chronicle
    portal = await checked(state, lambda: _addressed(state, request))
    body = await read_body(request, state.settings)
    try:
        event = await checked(state, lambda: _webhook(state, _addressed(state, request), body))
    except Problem as problem:
        state.reject(portal, problem.code)
        raise
    if isinstance(event, UnreadableBody):
        kept = await _quarantine(state, portal, body, _Unread(event, "webhook", "app"))
        raise _unreadable(event, kept)
    outcome = (await state.append([Pending(portal.origin, event)]))[0]
    if isinstance(outcome, Spooled):
        return answer(Received(position=None, spooled=True))
    return answer(Received(position=outcome.position))


async def receive_events(request: Request) -> Response:
    """Take webhook envelopes, fetch items or whole Event.get responses: one, an array, or lines."""
    state: State = request.state.chronicle
    access = await admitted(state, request, "events:write")
    portal = access.portal
    way = _way(request, access)
    body = await read_body(request, state.settings)
    if not body.removeprefix(_BYTE_ORDER_MARK).strip():
        raise Problem("unreadable_body", "This body cannot be read: it is empty.")
    lines = _NDJSON.match(request.headers.get("content-type", ""))
    several = _lines(body) if lines else _elements(body)
    documents = [body] if several is None else several
    try:
        read = [_events(state, portal, document, way) for document in documents]
    except Problem as problem:
        state.reject(portal, problem.code)
        raise
    if several is None and len(read[0]) == 1 and isinstance(error := read[0][0], UnreadableBody):
        kept = await _quarantine(state, portal, body, _Unread(error, *way))
        raise _unreadable(error, kept)
    return answer(Results(results=await _results(state, portal, documents, read, way)))


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


def _elements(body: bytes) -> list[bytes] | None:
    """Spell each element of a JSON array for itself, as it is kept if it cannot be read."""
    if not body.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"["):
        return None
    try:
        return [to_json(element) for element in parse_json(body)]
    except UnreadableBody:
        return None  # to be refused, and kept, as a whole


async def _results(
    state: State,
    portal: Portal,
    documents: Sequence[bytes],
    read: Sequence[Sequence[NewEvent | UnreadableBody]],
    way: "_Way",
) -> list[Result]:
    events = [event for found in read for event in found if isinstance(event, NewEvent)]
    outcomes = iter(await state.append([Pending(portal.origin, event) for event in events]))
    results: list[Result] = []
    for document, found in zip(documents, read, strict=True):
        for event in found:
            if isinstance(event, NewEvent):
                outcome = next(outcomes)
                results.append(Result(outcome=outcome.outcome, position=outcome.position))
            else:
                unread = _Unread(event, *way)
                kept = await _quarantine(state, portal, document, unread)
                results.append(
                    Result(outcome="quarantined", quarantine=kept.number, detail=str(event))
                )
    return results


def _addressed(state: State, request: Request) -> Portal:
    digest = state.catalog.key.digest("ingest key", request.path_params["ingest_key"])
    try:
        return state.snapshot.by_ingest_key[digest]
    except KeyError:
        raise Problem("not_found", "There is nothing at this address.") from None


def _webhook(state: State, portal: Portal, body: bytes) -> NewEvent | UnreadableBody:
    try:
        tree = parse_body(body)
        _check_application_token(state, portal, tree)
        _check_portal(portal, tree)
        return webhook(
            tree, received_at=now(), fingerprints=state.fingerprints, delivery_id=str(uuid7())
        )
    except UnreadableBody as error:
        return error
    except Problem:
        raise
    except Exception as error:  # noqa: BLE001 - a defect of ours must not lose what came only once
        return _defect(error)


def _events(
    state: State, portal: Portal, document: bytes, way: "_Way"
) -> Sequence[NewEvent | UnreadableBody]:
    try:
        tree = parse_json(document)
        _check_portal(portal, tree)
        how = Receiving(now(), state.fingerprints, portal.hmac_key, *way)
        return events_of(tree, how)
    except UnreadableBody as error:
        return [error]
    except Problem:
        raise
    except Exception as error:  # noqa: BLE001 - as for webhooks
        return [_defect(error)]


def _defect(error: Exception) -> UnreadableBody:
    _log.error("a defect of ours while reading a body", error=type(error).__name__)
    return UnreadableBody(f"a defect of ours ({type(error).__name__})")


def _check_application_token(state: State, portal: Portal, tree: Any) -> None:
    if not portal.application_tokens:
        return
    sent = state.catalog.key.digest("application token", application_token(tree) or "")
    # Every one is compared, in constant time: nothing tells which was nearly right.
    if not sum(hmac.compare_digest(sent, known) for known in portal.application_tokens):
        raise Problem(
            "application_token_mismatch",
            "auth.application_token is none of this portal's, so nothing was stored. If the"
            " application was installed anew, register its token: `chronicle portal token add`.",
        )


def _check_portal(portal: Portal, tree: Any) -> None:
    try:
        check_portal(tree, portal.member_id, portal.slug)
    except PortalMismatch as error:
        raise Problem("portal_mismatch", f"{error}.") from None


class _Way(NamedTuple):
    """How the events of a batch came, and whose queue they were in, where they do not say it."""

    source: str
    receiver: str


def _way(request: Request, access: Access) -> _Way:
    """Read the parameters. Only a command of the same user, who fetched them, may say so."""
    known = {"receiver", "source"} if access.token is None else {"receiver"}
    for name in request.query_params:
        if name not in known:
            raise Problem("unknown_parameter", f"There is no parameter {name!r}.", parameter=name)
    given = request.query_params.getlist("receiver")
    if len(given) > 1:
        raise Problem("invalid_parameter", "`receiver` is given twice.", parameter="receiver")
    receiver = given[0] if given else "app"
    if not valid_receiver(receiver):
        raise Problem(
            "invalid_parameter", "receiver is `user:<id>` or `bot:<id>`.", parameter="receiver"
        )
    source = request.query_params.get("source", "import")
    if source not in ("import", "fetch"):
        raise Problem("invalid_parameter", "source is import or fetch.", parameter="source")
    return _Way(source, receiver)


@dataclass(frozen=True)
class _Unread:
    error: UnreadableBody
    source: str
    receiver: str


async def _quarantine(state: State, portal: Portal, body: bytes, unread: _Unread) -> Kept:
    found = Unreadable(now(), unread.source, unread.receiver, str(unread.error))
    kept = await state.quarantined(portal, body, found)
    write = _log.error if kept == Kept(None) else _log.warning
    write("unreadable body", portal=portal.slug, quarantine=kept.number, reason=found.reason)
    return kept


def _unreadable(error: UnreadableBody, kept: Kept) -> Problem:
    if kept.number is not None:
        where = f"It is in quarantine under number {kept.number}."
    elif kept.waits:
        where = "It will be in quarantine as soon as the database is back."
    else:
        where = "The quarantine of this portal is full, so it was not kept."
    return Problem(
        "unreadable_body", f"This body cannot be read: {error}. {where}", quarantine=kept.number
    )

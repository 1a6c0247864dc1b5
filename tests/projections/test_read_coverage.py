"""What tells of coverage: of now, of any position, and of no more facts than are needed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from pydantic_core import from_json

from eventstore.database import Session
from eventstore.event import Event
from eventstore.log import seal
from eventstore.store import Store
from projections.coverage import Coverage, Evidence, Look, Move, Watched, Window, coverage
from projections.derive import derive
from projections.facts import Fact
from projections.generations import create
from projections.project import record
from projections.read.now import Now
from projections.read.then.reader import Then
from projections.refold import refold, touched_by
from projections.stretches import receiver_id
from projections.view import View
from tests.projections.own_events import watching
from tests.projections.stored import lived

CHATS = (2201, 2202)


def told(seed: int) -> list[Event]:
    """A short life and how it was watched, told in any order."""
    random = Random(seed)  # noqa: S311 - the same life again
    events = [*lived(seed), *watching()]
    random.shuffle(events)
    return [seal(1, position, event, b"") for position, event in enumerate(events, 1)]


@asynccontextmanager
async def made_of(store: Store, events: list[Event], number: int = 1) -> AsyncIterator[Session]:
    """A generation that knows these events."""
    derived = derive(events)
    session = await store.generation(number).open_writer()
    try:
        await create(session, indexes=True)
        async with session.transaction():
            await record(session, derived)
            await refold(session, 1, touched_by(derived.facts, derived.spans))
        yield session
    finally:
        await session.close()


def of_all(events: list[Event], chat_id: int) -> Evidence:
    """The evidence that these events are, as whoever reads all of them would gather it."""
    facts = derive(events).facts
    stretches: dict[tuple[object, ...], Watched] = {}
    for fact in facts:
        if fact.kind == "queue_watched":
            known = _watched(fact)
            key = (*known[:2], *known[3:])
            stretches[key] = max(known, stretches.get(key, known), key=lambda each: each.until)
    here = [fact for fact in facts if fact.chat_id == chat_id]
    receivers = {each.receiver for each in stretches.values()}
    return Evidence(
        [*stretches.values()],
        [
            Move(receiver, fact.occurred_at, fact.kind.removeprefix("member_"), fact.witness)
            for fact in here
            for receiver in receivers
            if fact.kind in {"member_joined", "member_left"}
            and receiver_id(receiver) == fact.user_id
        ],
        [_look(fact) for fact in here if fact.kind == "chat_observed"],
        [(fact.witness, fact.occurred_at) for fact in here if fact.sequence is not None],
    )


def _watched(fact: Fact) -> Watched:
    said = _detail(fact)
    hole = said.get("hole") or {}
    return Watched(
        fact.witness,
        said["since"],
        fact.occurred_at,
        said["sees"],
        hole.get("from"),
        hole.get("cause"),
    )


def _look(fact: Fact) -> Look:
    return Look(fact.witness, fact.occurred_at, fact.code or "", _detail(fact).get("since"))


def _detail(fact: Fact) -> dict[str, Any]:
    detail: dict[str, Any] = from_json(fact.detail or "{}")
    return detail


@pytest.mark.parametrize("seed", range(3))
async def test_coverage_is_what_all_facts_tell_now_and_at_any_position(
    fresh: Store, seed: int
) -> None:
    fresh.prepare()
    events = told(seed)
    async with made_of(fresh, events) as session:
        for chat_id in CHATS:
            now = await Now(session, 1, len(events)).evidence(chat_id)
            assert coverage(now) == coverage(of_all(events, chat_id))
            assert coverage(now).holes
            for moment in (each.since + delta for each in now.watched for delta in (-1, 0, 1)):
                some = await Now(session, 1, len(events)).evidence(chat_id, since=moment)
                found = coverage(some, Window(moment))
                assert _without_why(found) == _without_why(coverage(now, Window(moment)))
            for position in range(1, len(events), 7):
                then = Then(session, 1, View(position), newest=len(events))
                known = of_all(events[:position], chat_id)
                assert coverage(await then.evidence(chat_id)) == coverage(known), position


def _without_why(found: Coverage) -> list[object]:
    return [*found[:3], *(hole[:2] for hole in found.holes)]

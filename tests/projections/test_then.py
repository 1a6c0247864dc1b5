"""As of a moment, a reader finds what would be there if nothing else had ever been told."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from eventstore.event import MAX_INSTANT
from eventstore.store import Store
from projections.facts import Fact
from projections.read import chats, members, reactions, search
from projections.read.now import Now
from projections.read.reader import Reader
from projections.read.search import FIRST, LAST, Wanted
from projections.read.then.reader import Then
from projections.search.terms import beginnings_of, terms_of
from tests.projections.contradictions import contradicted, made_of, sees, views

ALL = 10_000
BOUNDS = ["position", "time", "both"]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("seed", range(2))
async def test_a_view_shows_what_only_its_facts_would_make(
    fresh: Store, seed: int, bounds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        monkeypatch.setattr(search, "_FEW", 0)  # whatever is looked for is common
    random = Random(seed)  # noqa: S311 - the same life and the same views again
    fresh.prepare()
    facts, profiles = contradicted(seed, random)
    async with made_of(fresh.generation(1), facts, profiles) as session:
        for view in views(facts, bounds, random):
            known = [each for each in facts if sees(view, each)]
            async with made_of(fresh.generation(2), known, profiles) as alone:
                expected = await everything(Now(alone, 1, ALL), facts)

            then = Then(session, 1, view, newest=max(each.position for each in facts))

            assert await everything(then, facts) == expected, view


Said = dict[str, Any]
"""What a reader says, by what it was asked."""


async def everything(reader: Reader, facts: Sequence[Fact]) -> Said:
    """All that a reader says about all that was ever named."""
    message_ids = sorted({each.message_id for each in facts if each.message_id is not None})
    chat_ids = sorted({each.chat_id for each in facts if each.chat_id is not None})
    user_ids = sorted({each.user_id for each in facts if each.user_id is not None})
    found = [row for each in message_ids if (row := await reader.message(each))]
    said: Said = {
        "counts": await reader.counts(ALL),
        "messages": found,
        "beside": await reader.beside(found),
        "quoted": await reader.quoted(message_ids),
        "names": await reader.names(user_ids),
        "names seen": {
            each: list(seen) for each, seen in (await reader.names_seen(user_ids)).items() if seen
        },
        "chats": await reader.chats(of_type=None, key=chats.LATEST, limit=ALL),
        "some chats": await reader.chats(of_type="chat", key=chats.LATEST, limit=2),
    }
    said["chats by title"] = await reader.chats(
        of_type=None, key=chats.LATEST, limit=2, terms=beginnings_of("c*")
    )
    return {
        **said,
        **await in_lists(reader, facts),
        **await searched(reader, chat_ids[0]),
        **await of_messages(reader, message_ids),
        **await of_chats(reader, chat_ids),
        **await of_users(reader, user_ids),
    }


async def in_lists(reader: Reader, facts: Sequence[Fact]) -> Said:
    said: Said = {}
    times = sorted(each.occurred_at for each in facts)
    ends = times[:: len(times) // 6]
    windows: list[dict[str, Any]] = [*({"from": at} for at in ends), *({"to": at} for at in ends)]
    has = [{f"has_{part}": True} for part in ("file", "forward", "reply", "edit", "reaction")]
    for filters in ({}, *windows, *has, {"state": "deleted"}, {"state": "live"}):
        said[f"count of {filters}"] = await reader.count(filters, most=ALL)
        said[f"last of {filters}"] = await reader.among(
            filters, key=MAX_INSTANT, limit=2, descending=True
        )
        said[f"among {filters}"] = await reader.among(filters, key=-1, limit=3)
        said[f"all among {filters}"] = await reader.among(filters, key=-1, limit=ALL)
    return said


async def searched(reader: Reader, chat_id: int) -> Said:
    said: Said = {}
    for query, filters in (("a*", {}), ("b*", {"chat": chat_id}), ("a*", {"has_edit": True})):
        wanted = Wanted(terms_of(query), ["current", "deleted", "superseded"], filters)
        said[f"count of {query} {filters}"] = await reader.count_hits(wanted, most=ALL)
        said[f"all of {query} {filters}"] = await reader.hits(wanted, key=FIRST, limit=ALL)
        said[f"first of {query} {filters}"] = await reader.hits(wanted, key=FIRST, limit=2)
        said[f"last of {query} {filters}"] = await reader.hits(
            wanted._replace(standings=["current"]), key=LAST, limit=3, descending=True
        )
    return said


async def of_messages(reader: Reader, message_ids: Sequence[int]) -> Said:
    said: Said = {}
    for each in message_ids:
        said[f"versions of {each}"] = list(await reader.versions(each, skip=0, limit=ALL))
        said[f"held on {each}"] = await reader.reactions(
            each, held=True, key=reactions.FIRST, limit=ALL
        )
        said[f"reactions on {each}"] = await reader.reactions(
            each, held=False, key=reactions.FIRST, limit=2
        )
        said[f"provenance of {each}"] = await reader.provenance(each, after=1, limit=ALL)
    return said


async def of_chats(reader: Reader, chat_ids: Sequence[int]) -> Said:
    said: Said = {}
    for each in chat_ids:
        said[f"chat {each}"] = await reader.chat(each)
        said[f"chat {each} exists"] = await reader.chat_exists(each)
        said[f"chat {each} showed"] = list(await reader.chat_versions(each))
        said[f"in chat {each}"] = await reader.newer(each, key=-1, limit=3)
        said[f"last in chat {each}"] = await reader.older(each, key=MAX_INSTANT, limit=3)
        said[f"by chat {each}"] = await reader.among({"chat": each}, key=-1, limit=ALL)
        said[f"members of {each}"] = await reader.members(
            each, current=False, key=members.FIRST, limit=ALL
        )
        said[f"present in {each}"] = await reader.members(
            each, current=True, key=members.FIRST, limit=2
        )
    return said


async def of_users(reader: Reader, user_ids: Sequence[int]) -> Said:
    said: Said = {}
    for each in user_ids:
        said[f"user {each}"] = await reader.user(each)
        said[f"user {each} showed"] = list(await reader.user_versions(each))
        said[f"by author {each}"] = await reader.among({"author": each}, key=-1, limit=ALL)
    return said

"""The connection breaks around a commit: the outcome that is told in the end is the true one."""

from collections.abc import AsyncIterator
from random import Random
from typing import Final

import pytest

from eventstore.database.postgresql import PostgresServer
from eventstore.errors import StoreUnavailable
from eventstore.log import Origin, Outcome
from eventstore.postgres_log import PostgresLog
from eventstore.postgres_store import PostgresStore
from tests.eventstore.factories import new
from tests.faults.lengths import brief, long
from tests.faults.postgresql_log import ORIGINS, check_portal, places
from tests.faults.proxy import AtCommit, Proxy, proxied
from tests.faults.tallies import Tally

pytestmark = [pytest.mark.postgresql, pytest.mark.fault("outcome of a commit unknown")]

ORIGIN: Final = ORIGINS[1]
TIMES: Final = (brief(12), long(500))


@pytest.fixture
async def network(database: PostgresStore) -> AsyncIterator[tuple[Proxy, PostgresLog]]:
    """A log behind a network."""
    async with proxied(database.url) as (proxy, url):
        log = PostgresLog(PostgresServer(url))
        yield proxy, log
        await log.close()


@pytest.mark.parametrize("times", TIMES)
async def test_what_is_told_of_a_commit_in_doubt_is_true(
    database: PostgresStore, network: tuple[Proxy, PostgresLog], tally: Tally, times: int
) -> None:
    proxy, log = network
    random = Random(times)  # noqa: S311 - the same again is what we want
    told: dict[str, int | None] = {}

    for turn in range(times):
        keys = [f"webhook:{turn}-{index}" for index in range(random.randint(1, 4))]
        proxy.at_commits.append(list(AtCommit)[turn % len(AtCommit)])
        outcomes = await log.append(ORIGIN, [new(key) for key in keys])
        head = len(told)
        expected = [Outcome("appended", head + place) for place in range(1, len(keys) + 1)]
        assert outcomes == expected
        told |= {key: outcome.position for key, outcome in zip(keys, outcomes, strict=True)}
        tally.ran(acknowledged=len(keys))

    assert proxy.broken == times
    tally.looked(await check_portal(database, ORIGIN, told))
    assert await places(database, ORIGIN.portal_id) == told


@pytest.mark.parametrize("times", TIMES)
async def test_who_delivers_again_after_an_error_finds_its_key(
    database: PostgresStore, network: tuple[Proxy, PostgresLog], tally: Tally, times: int
) -> None:
    proxy, log = network
    random = Random(times)  # noqa: S311 - the same again is what we want
    told: dict[str, int | None] = {}

    for turn in range(times):
        keys = [f"webhook:{turn}-{index}" for index in range(random.randint(1, 4))]
        proxy.at_commits.extend(random.choices(list(AtCommit), k=random.randint(2, 4)))
        outcomes = await delivered(log, ORIGIN, keys)
        proxy.at_commits.clear()
        told |= {key: outcome.position for key, outcome in zip(keys, outcomes, strict=True)}
        again = await log.append(ORIGIN, [new(key) for key in keys])
        assert again == [Outcome("duplicate", outcome.position) for outcome in outcomes]
        tally.ran(acknowledged=len(keys))

    tally.looked(await check_portal(database, ORIGIN, told))
    assert await places(database, ORIGIN.portal_id) == told


async def delivered(log: PostgresLog, origin: Origin, keys: list[str]) -> list[Outcome]:
    """Deliver until it is acknowledged, as senders do."""
    while True:
        try:
            return await log.append(origin, [new(key) for key in keys])
        except StoreUnavailable:
            pass

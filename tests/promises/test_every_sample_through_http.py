"""Every sample, in every form that it comes in, from the HTTP door to the read models."""

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from eventstore.store import Store
from projections.messages import MessageRow, VersionRow
from tests import samples
from tests.engines import query
from tests.promises.server import Rows, Served, deliver, serving

DELIVERIES: Final = [*samples.FORMS, *samples.WEBHOOKS, *samples.ITEMS, *samples.PAGES]
TWINS: Final = {
    form: samples.TWINS.get(form) or form.removesuffix(".form") + ".json"
    for form in samples.FORMS
    if samples.view(form)
}
"""The forms, and the JSON view of each."""
RECURRING: Final = 190411
"""The message of which every family tells: posted, edited, deleted."""
TELLING: Final = [name for name in DELIVERIES if str(RECURRING).encode() in samples.sample(name)]

ORIGINAL: Final = "[USER=912]Archivist[/USER], please log the rollout plan"
MINUTE: Final = 60_000_000
POSTED: Final = 1_789_370_100_000_000
"""10:15:00 on the wall of the samples' portal."""


async def delivered(served: Served, names: list[str]) -> Rows:
    """Give the read models after these deliveries, from a portal of which nothing was known."""
    portal = await served.another()
    for name in names:
        answer = await deliver(portal, name)
        assert answer.status_code == 200, name
    return await portal.read_models()


async def payloads(served: Served) -> list[str]:
    rows = await query(served.store.log, "SELECT payload FROM event ORDER BY position")
    return [payload for (payload,) in rows]


async def test_every_sample_is_taken_and_understood(fresh: Store) -> None:
    async with serving(fresh) as served:
        answers = [await deliver(served, name) for name in DELIVERIES]
        await served.read_models()

        assert {answer.status_code for answer in answers} == {200}
        assert await query(served.generation, "SELECT * FROM undecoded") == []
    positions = await query(fresh.log, "SELECT position FROM event ORDER BY position")
    assert positions == [(n,) for n in range(1, len(positions) + 1)]
    webhooks = len(samples.FORMS) + len(samples.WEBHOOKS)
    assert len(positions) == webhooks + len(_event_ids())


def _event_ids() -> set[int]:
    """The queue items among the samples: one on several pages is one event."""
    pages = [samples.tree(name)["result"]["events"] for name in samples.PAGES]
    items = [samples.tree(name) for name in samples.ITEMS]
    return {item["eventId"] for item in [*items, *(item for page in pages for item in page)]}


def named(kind: type[Any], row: Sequence[Any]) -> Any:
    """A row of read models, its columns by their names; those that it leaves out are null."""
    names = [name for name in kind._fields if name != "portal_id" and "position" not in name]
    return kind(**dict.fromkeys(kind._fields))._replace(**dict(zip(names, row, strict=True)))


async def test_what_every_family_tells_of_is_one_message_with_one_chain(served: Served) -> None:
    rows = await delivered(served, DELIVERIES)

    (message,) = [named(MessageRow, row) for row in rows["message"] if row[0] == RECURRING]
    versions = [named(VersionRow, row) for row in rows["message_version"] if row[0] == RECURRING]
    assert (message.chat_id, message.author_id, message.system) == (2207, 41, 0)
    assert (message.text, message.state, message.versions) == (f"{ORIGINAL} v2 ✅", "deleted", 2)
    assert (message.posted_at, message.posted_basis) == (POSTED, "event")
    assert [(row.version, row.text) for row in versions] == [
        (1, ORIGINAL),
        (2, f"{ORIGINAL} v2 ✅"),
    ]
    witnesses = ["bot:912", "bot:931", "bot:940", "user:58"]
    assert from_json(message.witnesses) == witnesses
    assert [from_json(row.witnesses) for row in versions] == [witnesses] * 2
    assert versions[0].from_at == POSTED
    assert POSTED + 5 * MINUTE <= versions[1].until_at <= POSTED + 6 * MINUTE


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """What the deliveries in their own order say, on either engine; filled by the first example."""
    return {}


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has its own portal
)
@given(order=st.permutations(TELLING), again=st.lists(st.sampled_from(TELLING), max_size=5))
async def test_the_order_of_arrival_does_not_matter(
    served: Served, expected: dict[str, Any], order: list[str], again: list[str]
) -> None:
    if not expected:
        expected["rows"] = await delivered(served, TELLING)

    assert await delivered(served, order + again) == expected["rows"]


async def test_a_form_and_its_json_view_are_the_same_event(served: Served) -> None:
    for form, view in TWINS.items():
        await deliver(served, form)
        await deliver(served, view)
    stored = [from_json(payload) for payload in await payloads(served)]

    assert stored[::2] == stored[1::2]
    of_forms = await delivered(served, [*TWINS])
    assert of_forms == await delivered(served, [*TWINS.values()])

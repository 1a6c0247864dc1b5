"""Every sample, in every form that it comes in, from the HTTP door to the read models."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from tests import samples
from tests.promises.server import Rows, Served, deliver, query, serving

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


async def delivered(folder: Path, names: list[str]) -> Rows:
    """Give the read models after these deliveries, on a fresh server."""
    async with serving(folder) as served:
        for name in names:
            answer = await deliver(served, name)
            assert answer.status_code == 200, name
        return await served.read_models()


def payloads(served: Served) -> list[str]:
    rows = query(served.folder.log, "SELECT payload FROM event ORDER BY position")
    return [payload for (payload,) in rows]


async def test_every_sample_is_taken_and_understood(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        answers = [await deliver(served, name) for name in DELIVERIES]
        await served.read_models()

    assert {answer.status_code for answer in answers} == {200}
    assert query(served.state.read_models.path, "SELECT * FROM undecoded") == []
    positions = query(served.folder.log, "SELECT position FROM event ORDER BY position")
    assert positions == [(n,) for n in range(1, len(positions) + 1)]
    webhooks = len(samples.FORMS) + len(samples.WEBHOOKS)
    assert len(positions) == webhooks + len(_event_ids())


def _event_ids() -> set[int]:
    """The queue items among the samples: one on several pages is one event."""
    pages = [samples.tree(name)["result"]["events"] for name in samples.PAGES]
    items = [samples.tree(name) for name in samples.ITEMS]
    return {item["eventId"] for item in [*items, *(item for page in pages for item in page)]}


async def test_what_every_family_tells_of_is_one_message_with_one_chain(tmp_path: Path) -> None:
    rows = await delivered(tmp_path, DELIVERIES)

    (message,) = [row for row in rows["message"] if row[1] == RECURRING]
    versions = [row for row in rows["message_version"] if row[1] == RECURRING]
    assert message[2:8] == (2207, 41, f"{ORIGINAL} v2 ✅", "deleted", 2, 0)
    assert message[8:10] == (POSTED, "event")
    assert [(number, text) for _, _, number, text, *_ in versions] == [
        (1, ORIGINAL),
        (2, f"{ORIGINAL} v2 ✅"),
    ]
    witnesses = ["bot:912", "bot:931", "bot:940", "user:58"]
    assert from_json(message[-1]) == witnesses
    assert [from_json(row[-1]) for row in versions] == [witnesses] * 2
    since, until = versions[0][4], versions[1][6]
    assert since == POSTED
    assert POSTED + 5 * MINUTE <= until <= POSTED + 6 * MINUTE


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the deliveries in their own order say; filled by the first example."""
    return {}


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(TELLING), again=st.lists(st.sampled_from(TELLING), max_size=5))
async def test_the_order_of_arrival_does_not_matter(
    expected: dict[str, Any], order: list[str], again: list[str]
) -> None:
    if not expected:
        with TemporaryDirectory() as folder:
            expected["rows"] = await delivered(Path(folder), TELLING)

    with TemporaryDirectory() as folder:
        assert await delivered(Path(folder), order + again) == expected["rows"]


async def test_a_form_and_its_json_view_are_the_same_event(tmp_path: Path) -> None:
    async with serving(tmp_path / "both") as served:
        for form, view in TWINS.items():
            await deliver(served, form)
            await deliver(served, view)
        stored = [from_json(payload) for payload in payloads(served)]

    assert stored[::2] == stored[1::2]
    of_forms = await delivered(tmp_path / "forms", [*TWINS])
    assert of_forms == await delivered(tmp_path / "views", [*TWINS.values()])

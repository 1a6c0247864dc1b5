"""The doors for events: what became of each event of a batch, and which of them were there."""

import json
from typing import Final

import httpx
import pytest
from pydantic_core import to_json

from eventstore.quarantine import Quarantine
from tests import samples
from tests.engines import query
from tests.promises.server import JSON, NDJSON, NOW, SLUG, Served

WEBHOOK: Final = "imbot_v2/onimbotv2messageadd.webhook.json"
ITEM: Final = "im_v2/onimv2messageadd.json"


def outcomes(answer: httpx.Response) -> list[tuple[str, int | None]]:
    assert answer.status_code == 200
    return [(result["outcome"], result.get("position")) for result in answer.json()["results"]]


async def test_what_was_sent_before_is_a_duplicate_of_the_first(served: Served) -> None:
    webhook = samples.sample(WEBHOOK)

    assert outcomes(await served.feed(samples.sample(ITEM))) == [("appended", 1)]
    assert outcomes(await served.feed(webhook)) == [("appended", 2)]
    assert outcomes(await served.feed(samples.sample(ITEM))) == [("duplicate", 1)]
    assert outcomes(await served.feed(webhook)) == [("duplicate", 2)]


async def test_the_hooks_never_know_a_duplicate(served: Served) -> None:
    """Webhooks have no id: that the same came twice is for the folds to find out."""
    answers = [await served.hook(samples.sample(WEBHOOK), JSON) for _ in range(2)]

    assert [answer.json() for answer in answers] == [{"position": 1}, {"position": 2}]


async def test_other_content_under_one_key_is_a_conflict_and_both_are_kept(served: Served) -> None:
    other = samples.tree(ITEM)
    other["data"]["message"]["text"] = "something else"
    again = json.dumps(other).encode()

    assert outcomes(await served.feed(samples.sample(ITEM))) == [("appended", 1)]
    assert outcomes(await served.feed(again)) == [("conflict", 2)]
    assert outcomes(await served.feed(again)) == [("duplicate", 2)]
    rows = await query(served.store.log, "SELECT key FROM event ORDER BY position")
    keys = [key for (key,) in rows]
    assert keys[0] == "fetch:700103"
    assert keys[1].startswith("fetch:700103~")


async def test_a_bots_counters_make_no_conflict(served: Served) -> None:
    item = samples.tree("imbot_v2/onimbotv2messageadd.json")
    await served.feed(json.dumps(item).encode())
    item["data"]["bot"]["countMessage"] += 1

    assert outcomes(await served.feed(json.dumps(item).encode())) == [("duplicate", 1)]


async def test_a_bad_line_is_sealed_and_the_others_go_on(served: Served) -> None:
    bad = b'{"event": "ONIMBOTMESSAGEADD", "data'
    lines = [samples.sample(ITEM).replace(b"\n", b""), bad, b"", b"{}\r"]
    lines += [samples.sample(WEBHOOK).replace(b"\n", b"")]

    answer = await served.feed(b"\n".join(lines), content_type=NDJSON)

    assert outcomes(answer) == [
        ("appended", 1),
        ("quarantined", None),
        ("quarantined", None),
        ("appended", 2),
    ]
    bad_results = answer.json()["results"][1:3]
    assert [result["quarantine"] for result in bad_results] == [1, 2]
    assert all(result["detail"] for result in bad_results)
    quarantine = Quarantine(served.state.catalog)
    assert await quarantine.body(served.portal.id, 1) == bad


async def test_an_array_is_a_batch_as_lines_are(served: Served) -> None:
    page = samples.tree("im_v2/event_get_response.json")
    bad = {"eventId": 2**64, "type": "X", "text": "é"}
    elements = [samples.tree(ITEM), bad, samples.tree(WEBHOOK), [], page, None]

    answer = await served.feed(b"\xef\xbb\xbf \n" + json.dumps(elements).encode())

    count = len(page["result"]["events"])
    said = [outcome for outcome, _ in outcomes(answer)]
    assert said[:4] == ["appended", "quarantined", "appended", "quarantined"]
    assert len(said) == 4 + count + 1
    assert said[-1] == "quarantined"
    quarantine = Quarantine(served.state.catalog)
    kept = [await quarantine.body(served.portal.id, number) for number in (1, 2, 3)]
    assert [json.loads(body) for body in kept] == [bad, [], None]


async def test_an_array_and_its_lines_are_the_same_events(served: Served) -> None:
    elements = [samples.tree(ITEM), samples.tree(WEBHOOK)]
    await served.feed(b"\n".join(map(to_json, elements)), content_type=NDJSON)

    answer = await served.feed(json.dumps(elements).encode())

    assert outcomes(answer) == [("duplicate", 1), ("duplicate", 2)]


async def test_an_array_of_one_bad_element_is_a_batch_too(served: Served) -> None:
    assert outcomes(await served.feed(b"[{}]")) == [("quarantined", None)]
    assert outcomes(await served.feed(b'[{"event": "X", "n": 1e999}]')) == [("quarantined", None)]
    assert outcomes(await served.feed(b"[" * 199 + b"]" * 199)) == [("quarantined", None)]
    assert outcomes(await served.feed(b"[]")) == []


async def test_an_array_that_is_no_json_is_kept_whole(served: Served) -> None:
    body = b'[{"eventId": 7, "type": "X"}, '

    answer = await served.feed(body)

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")
    quarantine = Quarantine(served.state.catalog)
    assert await quarantine.body(served.portal.id, answer.json()["quarantine"]) == body


async def test_an_item_of_a_page_that_is_none_stands_in_its_own_place(served: Served) -> None:
    page = samples.tree("im_v2/event_get_response.json")
    page["result"]["events"][1] = {"type": "ONIMV2MESSAGEADD"}

    answer = await served.feed(json.dumps(page).encode())

    count = len(page["result"]["events"])
    assert [outcome for outcome, _ in outcomes(answer)] == [
        "appended",
        "quarantined",
        *["appended"] * (count - 2),
    ]


@pytest.mark.parametrize("name", sorted(set(samples.JSON) - {*samples.WEBHOOKS, *samples.ITEMS}))
async def test_answers_of_the_portal_that_hold_no_events_are_told_apart(
    served: Served, name: str
) -> None:
    answer = await served.feed(samples.sample(name))

    if name in samples.PAGES:
        events = samples.tree(name)["result"]["events"]
        assert outcomes(answer) == [("appended", n) for n in range(1, len(events) + 1)]
    else:
        assert answer.status_code == 400
        assert answer.json()["code"] == "unreadable_body"
        assert answer.json()["quarantine"] == 1


async def test_the_receiver_is_who_the_item_names_and_else_who_the_caller_says(
    served: Served,
) -> None:
    await served.feed(samples.sample(ITEM), receiver="user:27")
    await served.feed(samples.sample("imbot_v2/onimbotv2messageadd.json"), receiver="user:27")
    await served.hook(samples.sample("legacy/onimbotmessageadd_two_bots.form"))

    rows = await query(served.store.log, "SELECT receiver FROM event ORDER BY position")
    assert rows == [("user:27",), ("bot:931",), ("bot:912",)]


async def test_trap_39_an_event_that_comes_to_two_addresses_is_told_once(served: Served) -> None:
    """An older portal went on calling the handler's old address beside the new one."""
    body = samples.sample(WEBHOOK)
    key = await served.state.catalog.rotate_ingest_key(SLUG, now=NOW, revoke_old=False)

    positions = [
        (await served.hook(body, JSON)).json()["position"],
        (await served.client.post(f"/v1/hooks/{key}", content=body)).json()["position"],
    ]

    rows = await served.read_models()
    assert positions == [1, 2]
    assert len(rows["message"]) == len(rows["message_version"]) == 1

"""Quarantine: what could not be read is listed, shown and read again."""

import asyncio

from eventstore.quarantine import Quarantine, Unreadable
from scripts.store import open_store
from tests.samples import sample
from tests.scripts.conftest import APPLICATION_TOKEN, MEMBER_ID, Command, serving

FORM = sample("legacy/onimbotmessageadd.form")
ITEM = sample("im_v2/onimv2messageadd.json")


def seal(*bodies: bytes, source: str = "webhook", receiver: str = "app") -> None:
    """Put bodies into the quarantine of `acme`, as if a decoder had refused them before its fix."""

    async def sealed() -> None:
        async with open_store() as store:
            portal = store.snapshot.portal("acme")
            for body in bodies:
                found = Unreadable(1_789_370_000_000_000, source, receiver, "not understood then")
                await Quarantine(store.catalog).keep(portal.id, body, found)

    asyncio.run(sealed())


def test_it_lists_and_shows_without_the_content(chronicle: Command, acme: str) -> None:
    seal(FORM, b"\x00\xff broken")

    listed = chronicle("quarantine", "list", "--json").json
    shown = chronicle("quarantine", "show", "2")

    assert [row["number"] for row in listed] == [1, 2]
    assert listed[0] == {
        "portal": "acme",
        "number": 1,
        "received_at": "2026-09-14T07:13:20.000000Z",
        "source": "webhook",
        "receiver": "app",
        "size": len(FORM),
        "reason": "not understood then",
    }
    assert "not understood then" in shown.out
    assert "broken" not in shown.out


def test_the_body_is_written_as_it_came(chronicle: Command, acme: str) -> None:
    seal(FORM)

    assert chronicle("quarantine", "show", "1", "--body").out.encode() == FORM


def test_what_can_be_read_now_is_appended_and_leaves(chronicle: Command, acme: str) -> None:
    seal(FORM, b'{"event": "cut')
    seal(ITEM, source="import", receiver="user:58")

    results = chronicle("quarantine", "retry", "--json").json

    assert [(row["number"], row["appended"]) for row in results] == [(1, 1), (2, 0), (3, 1)]
    assert results[1]["reason"].startswith("no JSON")
    assert chronicle("status", "--json").json[0]["head"] == 2
    assert [row["number"] for row in chronicle("quarantine", "list", "--json").json] == [2]


def test_a_body_is_appended_once_however_often_it_is_retried(chronicle: Command, acme: str) -> None:
    seal(FORM)
    first = chronicle("quarantine", "retry", "1", "--json").json
    seal(FORM)

    again = chronicle("quarantine", "retry", "--json").json

    assert [row["appended"] for row in (*first, *again)] == [1, 0]
    assert chronicle("quarantine", "list", "--json").json == []


def test_a_server_is_asked_to_append(chronicle: Command, acme: str) -> None:
    seal(FORM)
    with serving():
        retried = chronicle("quarantine", "retry", "--json").json

    assert retried == [{"portal": "acme", "number": 1, "appended": 1, "reason": None}]
    assert chronicle("status", "--json").json[0]["head"] == 1


def test_a_webhook_must_prove_itself_now(chronicle: Command) -> None:
    chronicle(
        *("portal", "add", "acme", "--member-id", MEMBER_ID),
        *("--application-token", "FAKE_ANOTHER_TOKEN"),
    )
    seal(FORM)
    seal(ITEM, source="import")

    refused = chronicle("quarantine", "retry", "--json").json
    chronicle("portal", "token", "add", "acme", APPLICATION_TOKEN)
    taken = chronicle("quarantine", "retry", "--json").json

    assert [row["appended"] for row in refused] == [0, 1]
    assert "application_token" in refused[0]["reason"]
    assert [row["appended"] for row in taken] == [1]


def test_another_portals_body_stays(chronicle: Command) -> None:
    chronicle("portal", "add", "acme", "--member-id", "another")
    seal(FORM)

    refused = chronicle("quarantine", "retry", "--json").json

    assert refused[0]["appended"] == 0
    assert "another portal" in refused[0]["reason"]
    assert MEMBER_ID not in refused[0]["reason"]


def test_a_number_is_asked_of_one_portal(chronicle: Command, acme: str) -> None:
    seal(FORM)
    chronicle("portal", "add", "zeta", "--member-id", "another")

    assert chronicle("quarantine", "show", "1").status == 2
    assert chronicle("quarantine", "show", "1", "--portal", "acme").status == 0
    assert chronicle("quarantine", "retry", "1", "--portal", "zeta").status == 1


def test_an_unknown_number_is_refused_before_anything_is_done(
    chronicle: Command, acme: str
) -> None:
    seal(FORM)

    refused = chronicle("quarantine", "retry", "1", "7")

    assert refused.status == 1
    assert "7" in refused.err
    assert chronicle("status", "--json").json[0]["head"] == 0
    assert [row["number"] for row in chronicle("quarantine", "list", "--json").json] == [1]


def test_an_empty_quarantine_says_so(chronicle: Command, acme: str) -> None:
    assert chronicle("quarantine", "list").err == "nothing is in quarantine\n"
    assert chronicle("quarantine", "retry", "--json").json == []

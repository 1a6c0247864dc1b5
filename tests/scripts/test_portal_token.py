"""Portals and tokens: made, shown once, listed, changed, revoked."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from api.times import to_instant
from scripts.token import expiry
from tests.scripts.conftest import MEMBER_ID, Command

NOW = datetime(2026, 9, 14, tzinfo=UTC)


def test_adding_a_portal_prints_its_ingest_path_once(chronicle: Command) -> None:
    added = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID, "--json").json
    listed = chronicle("portal", "list")

    assert set(added) == {"slug", "ingest_key", "ingest_path"}
    assert added["ingest_path"] == f"/v1/hooks/{added['ingest_key']}"
    assert MEMBER_ID in listed.out
    assert added["ingest_key"] not in listed.out


def test_people_get_the_ingest_path_as_the_only_line_of_stdout(chronicle: Command) -> None:
    added = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID)

    assert added.out.count("\n") == 1
    assert "/v1/hooks/" in added.out


def test_a_portal_is_registered_once(chronicle: Command, acme: str) -> None:
    again = chronicle("portal", "add", "acme", "--member-id", "another")
    renamed = chronicle("portal", "add", "acme2", "--member-id", MEMBER_ID)

    assert (again.status, renamed.status) == (1, 1)
    assert len(chronicle("portal", "list", "--json").json) == 1


def test_several_application_tokens_are_taken_and_removed(chronicle: Command) -> None:
    options = ["--application-token", "FAKE_A", "--application-token", "FAKE_B"]
    chronicle("portal", "add", "acme", "--member-id", MEMBER_ID, *options)
    assert chronicle("portal", "list", "--json").json[0]["application_tokens"] == 2

    assert chronicle("portal", "token", "remove", "acme", "FAKE_A").status == 0
    assert chronicle("portal", "token", "add", "acme", stdin=b"FAKE_C\n").status == 0
    assert chronicle("portal", "token", "add", "acme", "FAKE_C").status == 0
    assert chronicle("portal", "list", "--json").json[0]["application_tokens"] == 2

    chronicle("portal", "token", "remove", "acme", stdin=b"FAKE_B")
    last = chronicle("portal", "token", "remove", "acme", "FAKE_C")
    assert "not checked" in last.err


def test_an_empty_application_token_is_wrong_usage(chronicle: Command, acme: str) -> None:
    assert chronicle("portal", "token", "add", "acme", stdin=b"\n").status == 2


def test_a_rotated_key_leaves_the_old_one_until_it_is_revoked(
    chronicle: Command, acme: str
) -> None:
    new = chronicle("portal", "rotate", "acme", "--json").json
    both = chronicle("portal", "list", "--json").json[0]["ingest_keys"]
    chronicle("portal", "rotate", "acme", "--revoke-old")
    one = chronicle("portal", "list", "--json").json[0]["ingest_keys"]

    assert new["ingest_path"] != acme
    assert (both, one) == (2, 1)


def test_a_token_is_shown_once_and_listed_without_itself(chronicle: Command, acme: str) -> None:
    made = chronicle(
        *("token", "create", "--portal", "acme", "--scope", "messages:read"),
        *("--scope", "export", "--expires", "90d", "--label", "[b]audit", "--json"),
    ).json
    listed = chronicle("token", "list")

    assert set(made) == {"id", "token"}
    assert made["token"] not in listed.out
    assert made["id"] in listed.out
    assert "[b]audit" in listed.out


def test_a_revoked_token_says_so(chronicle: Command, acme: str) -> None:
    made = chronicle("token", "create", "--portal", "acme", "--scope", "export", "--json").json

    chronicle("token", "revoke", made["id"])

    assert chronicle("token", "list", "--json").json[0]["revoked_at"] is not None


def test_a_token_needs_a_portal_that_is_known(chronicle: Command, acme: str) -> None:
    assert chronicle("token", "create", "--portal", "other", "--scope", "export").status == 1


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90d", NOW + timedelta(days=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("30m", NOW + timedelta(minutes=30)),
        ("2027-01-31T00:00:00Z", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T00:00:00+03:00", datetime(2027, 1, 30, 21, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_duration_or_a_time(text: str, at: datetime) -> None:
    assert expiry(text, NOW) == to_instant(at)


@pytest.mark.parametrize(
    "text",
    ["", "90", "-1d", "0d", "1w", "999999d9", "2027-01-31T00:00:00", "2026-09-13T00:00:00Z"],
)
def test_an_expiry_without_zone_or_in_the_past_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        expiry(text, NOW)


def test_a_rotated_token_has_the_same_rights_and_the_old_one_ends(
    chronicle: Command, acme: str
) -> None:
    options = ("--scope", "messages:read", "--label", "for the audit", "--rate", "600/minute")
    old = chronicle("token", "create", "--portal", "acme", *options, "--json").json

    new = chronicle("token", "rotate", old["id"], "--overlap", "2h", "--json").json

    first, second = chronicle("token", "list", "--json").json
    kept = ("label", "portals", "scopes", "rate")
    assert new["token"] != old["token"]
    assert (first["id"], second["id"]) == (old["id"], new["id"])
    assert [first[name] for name in kept] == [second[name] for name in kept]
    assert first["rate"] == "600/minute"
    ends = datetime.fromisoformat(first["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1.9) < ends <= timedelta(hours=2)
    assert second["expires_at"] is None


def test_a_token_that_is_not_good_any_more_is_not_rotated(chronicle: Command, acme: str) -> None:
    made = chronicle("token", "create", "--portal", "acme", "--scope", "audit", "--json").json
    chronicle("token", "revoke", made["id"])

    refused = chronicle("token", "rotate", made["id"])

    assert refused.status == 2
    assert "create another one" in refused.err
    assert chronicle("token", "rotate", "000000000000").status == 1
    assert chronicle("token", "rotate", made["id"], "--overlap", "soon").status == 2


@pytest.mark.parametrize("rate", ["", "0/minute", "600", "600/week", "600 / minute", "-1/day"])
def test_a_rate_is_so_many_in_a_unit(chronicle: Command, acme: str, rate: str) -> None:
    options = ("--portal", "acme", "--scope", "audit", "--rate", rate)

    refused = chronicle("token", "create", *options)

    assert refused.status == 2
    assert chronicle("token", "list", "--json").json == []


def test_a_token_is_narrowed_to_chats_and_a_window(chronicle: Command, acme: str) -> None:
    base = ("token", "create", "--portal", "acme", "--scope", "messages:read")
    options = ("--chat", "2207", "--chat", "5", "--since", "2026-09-14T00:00:00+03:00")
    chronicle(*base, *options, "--until", "2026-09-15T00:00:00Z")

    (listed,) = chronicle("token", "list", "--json").json

    assert listed["chats"] == ["5", "2207"]
    assert listed["since"] == "2026-09-13T21:00:00.000000Z"
    assert listed["until"] == "2026-09-15T00:00:00.000000Z"
    assert "2207" in chronicle("token", "list").out
    for wrong in (
        ("--chat", "x"),
        ("--since", "yesterday"),
        ("--since", "2026-09-14T00:00:00"),
        ("--since", "0001-01-01T00:00:00+14:00"),
        ("--since", "2026-09-14T00:00:00Z", "--until", "2026-09-14T00:00:00Z"),
    ):
        assert chronicle(*base, *wrong).status == 2

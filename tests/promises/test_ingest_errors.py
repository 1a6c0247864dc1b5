"""The doors for events: who and what is refused, in which words, and that nothing is left."""

import asyncio
import json
from typing import Any, Final

import httpx
import pytest

from eventstore.catalog import Catalog
from eventstore.tokens import Tokens
from tests import samples
from tests.engines import query
from tests.portal.payloads import form
from tests.promises.server import (
    APPLICATION_TOKEN,
    JSON,
    MEMBER_ID,
    NDJSON,
    NOW,
    SLUG,
    Served,
)

OTHER: Final = "globex"
OTHER_MEMBER: Final = "fakememberid00000000000000000002"
OTHER_TOKEN: Final = "FAKE_APPLICATION_TOKEN_0002"  # noqa: S105  (nobody's)
WEBHOOK: Final = "imbot_v2/onimbotv2messageadd.webhook.json"
ITEM: Final = "im_v2/onimv2messageadd.json"


@pytest.fixture
async def served(served: Served) -> Served:
    """A server that knows another portal too."""
    return await _with_another(served)


@pytest.fixture(scope="module")
async def refusing(shared: Served) -> Served:
    """The same, for all tests of what is refused and leaves nothing."""
    return await _with_another(shared)


async def _with_another(served: Served) -> Served:
    await catalog(served).add_portal(OTHER, OTHER_MEMBER, now=NOW, application_tokens=[OTHER_TOKEN])
    await served.state.refresh()
    return served


def catalog(served: Served) -> Catalog:
    return served.state.catalog


def proving(application_token: Any, **auth: Any) -> bytes:
    """Give a webhook's body with this token, which its bots have too."""
    tree = samples.tree(WEBHOOK)
    tree["auth"] |= auth
    if application_token is None:
        del tree["auth"]["application_token"]
    else:
        tree["auth"]["application_token"] = application_token
    return json.dumps(tree).encode()


def refused(answer: httpx.Response, status: int, code: str) -> None:
    """Assert that this is a problem as RFC 9457 has it, with this code."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    assert said["type"].endswith(code)
    assert said["title"]
    assert said["detail"]


async def stored(served: Served) -> int:
    """Count all that a refused request could have left behind."""
    ((events,),) = await query(served.store.log, "SELECT count(*) FROM event")
    ((bodies,),) = await query(served.store.catalog, "SELECT count(*) FROM quarantined")
    return int(events) + int(bodies)


# --- the hooks


@pytest.mark.parametrize("key", ["unknown", "x" * 5_000, "%00", "%F0%9F%98%80", "..%2F..%2Fetc"])
async def test_an_unknown_ingest_key_is_not_found(refusing: Served, key: str) -> None:
    answer = await refusing.client.post(f"/v1/hooks/{key}", content=b"event=X")

    refused(answer, 404, "not_found")
    assert await stored(refusing) == 0


@pytest.mark.parametrize(
    "token", [None, "", "wrong", APPLICATION_TOKEN.lower(), OTHER_TOKEN, "не токен", 7, {}, []]
)
async def test_without_the_portals_own_token_nothing_is_stored_but_a_count(
    refusing: Served, token: Any
) -> None:
    """The copy of the token in `data.bot.auth` is the right one, and proves nothing."""
    body = proving(token)
    assert APPLICATION_TOKEN.encode() in body
    mine = await refusing.another()

    answer = await mine.hook(body.replace(MEMBER_ID.encode(), mine.member_id.encode()), JSON)
    await mine.state.refresh()

    refused(answer, 403, "application_token_mismatch")
    assert await stored(mine) == 0
    assert (await catalog(mine).rejections())[mine.portal.id] == 1
    page = (await mine.client.get("/metrics")).text
    reason = 'reason="application_token_mismatch"'
    assert f'chronicle_rejected_total{{portal="{mine.slug}",{reason}}} 1.0' in page


async def test_a_lone_surrogate_as_a_token_is_a_wrong_token(served: Served) -> None:
    body = b'{"event":"X","auth":{"application_token":"\\ud800"}}'

    answer = await served.hook(body, JSON)

    assert answer.status_code in (400, 403)
    assert await query(served.store.log, "SELECT count(*) FROM event") == [(0,)]


async def test_each_of_several_application_tokens_will_do(served: Served) -> None:
    await catalog(served).add_application_token(SLUG, "another", now=NOW)
    await served.state.refresh()

    answers = [await served.hook(proving(t), JSON) for t in (APPLICATION_TOKEN, "another")]

    assert [answer.json() for answer in answers] == [{"position": 1}, {"position": 2}]


async def test_a_removed_application_token_will_not_do(served: Served) -> None:
    await catalog(served).add_application_token(SLUG, "another", now=NOW)
    await catalog(served).remove_application_token(SLUG, APPLICATION_TOKEN)
    await served.state.refresh()

    refused(await served.hook(proving(APPLICATION_TOKEN), JSON), 403, "application_token_mismatch")


async def test_a_webhook_of_another_portal_is_refused(refusing: Served) -> None:
    answer = await refusing.hook(proving(APPLICATION_TOKEN, member_id=OTHER_MEMBER), JSON)

    refused(answer, 403, "portal_mismatch")
    assert await stored(refusing) == 0


async def test_a_webhook_may_keep_silent_about_its_portal(served: Served) -> None:
    answer = await served.hook(proving(APPLICATION_TOKEN, member_id=""), JSON)

    assert answer.json() == {"position": 1}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data"])
async def test_the_bytes_say_what_they_are_whatever_the_content_type(
    served: Served, kind: str
) -> None:
    bodies = (samples.sample(WEBHOOK), form(samples.tree(WEBHOOK)))

    answers = [await served.hook(body, kind) for body in bodies]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_rotated_key_is_valid_until_it_is_revoked(served: Served) -> None:
    async def statuses(*keys: str) -> list[int]:
        await served.state.refresh()
        body = proving(APPLICATION_TOKEN)
        answers = [await served.client.post(f"/v1/hooks/{key}", content=body) for key in keys]
        return [answer.status_code for answer in answers]

    first = served.ingest_key
    second = await catalog(served).rotate_ingest_key(SLUG, now=NOW, revoke_old=False)
    assert await statuses(first, second) == [200, 200]

    third = await catalog(served).rotate_ingest_key(SLUG, now=NOW, revoke_old=True)
    assert await statuses(first, second, third) == [404, 404, 200]


async def test_a_revocation_counts_soon_without_a_restart(served: Served) -> None:
    assert served.state.refresh_seconds < 1
    await catalog(served).rotate_ingest_key(SLUG, now=NOW, revoke_old=True)

    async with asyncio.timeout(5):
        while (await served.hook(proving(APPLICATION_TOKEN))).status_code != 404:
            pass


async def test_only_post_is_known(refusing: Served) -> None:
    answer = await refusing.client.get(f"/v1/hooks/{refusing.ingest_key}")

    refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


# --- the batches


async def test_who_shows_no_token_is_told_so(refusing: Served) -> None:
    for header in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        answer = await refusing.client.post(f"/v1/portals/{SLUG}/events", json={}, headers=header)

        refused(answer, 401, "token_missing")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def _as(served: Served, token: str, portal: str = SLUG, **request: Any) -> httpx.Response:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    return await served.client.post(
        f"/v1/portals/{portal}/events", content=samples.sample(ITEM), headers=headers, **request
    )


async def test_tokens_that_are_not_or_no_longer_are(refusing: Served) -> None:
    scopes, portals = ["events:write"], [SLUG]
    gone, revoked = await Tokens(catalog(refusing)).create(portals=portals, scopes=scopes, now=NOW)
    await Tokens(catalog(refusing)).revoke(gone, now=NOW)
    _, expired = await Tokens(catalog(refusing)).create(
        portals=portals, scopes=scopes, now=0, expires_at=1
    )
    await refusing.state.refresh()

    refused(await _as(refusing, "chronicle_unknown"), 401, "token_unknown")
    refused(await _as(refusing, "кириллица"), 401, "token_unknown")
    refused(await _as(refusing, revoked), 401, "token_unknown")
    refused(await _as(refusing, expired), 401, "token_expired")
    assert await stored(refusing) == 0


async def test_a_token_without_the_scope_is_told_which_one_it_lacks(refusing: Served) -> None:
    everything_else = ["messages:read", "messages:read.deleted", "events:read", "export", "audit"]
    _, token = await Tokens(catalog(refusing)).create(
        portals=[SLUG], scopes=everything_else, now=NOW
    )
    await refusing.state.refresh()

    answer = await _as(refusing, token)

    refused(answer, 403, "scope_missing")
    assert answer.json()["scope"] == "events:write"


async def test_not_yours_and_not_there_look_the_same(refusing: Served) -> None:
    of_nobody = await _as(refusing, refusing.token, portal="nobody")
    of_another = await _as(refusing, refusing.token, portal=OTHER)

    refused(of_another, 404, "not_found")
    assert of_another.content == of_nobody.content
    assert await stored(refusing) == 0


async def test_an_unknown_parameter_is_named(refusing: Served) -> None:
    answer = await _as(refusing, refusing.token, params={"reciever": "user:58"})

    refused(answer, 400, "unknown_parameter")
    assert answer.json()["parameter"] == "reciever"
    assert await stored(refusing) == 0


@pytest.mark.parametrize("receiver", ["", "58", "user:", "user:x", "bot:1 ", "user:٣", "chat:1"])
async def test_a_receiver_must_be_one(refusing: Served, receiver: str) -> None:
    answer = await _as(refusing, refusing.token, params={"receiver": receiver})

    refused(answer, 400, "invalid_parameter")
    assert await stored(refusing) == 0


async def test_a_receiver_that_is_given_twice_is_none(refusing: Served) -> None:
    answer = await _as(refusing, refusing.token, params={"receiver": ["user:58", "user:27"]})

    refused(answer, 400, "invalid_parameter")
    assert answer.json()["parameter"] == "receiver"
    assert "is given twice" in answer.json()["detail"]
    assert await stored(refusing) == 0


async def test_a_batch_of_another_portal_is_refused_whole(refusing: Served) -> None:
    foreign = samples.tree(WEBHOOK)
    foreign["auth"]["member_id"] = OTHER_MEMBER
    lines = [json.dumps(samples.tree(ITEM)), json.dumps(foreign)]

    answer = await refusing.feed("\n".join(lines).encode(), content_type=NDJSON)

    refused(answer, 403, "portal_mismatch")
    assert await stored(refusing) == 0


async def test_an_array_with_anothers_event_is_refused_whole(refusing: Served) -> None:
    foreign = {"event": "X", "auth": {"member_id": OTHER_MEMBER}}

    answer = await refusing.feed(json.dumps([samples.tree(ITEM), {}, foreign]).encode())

    refused(answer, 403, "portal_mismatch")
    assert await stored(refusing) == 0


@pytest.mark.parametrize("kind", [JSON, NDJSON, ""])
@pytest.mark.parametrize("body", [b"", b" \r\n\n", b"\xef\xbb\xbf"])
async def test_nothing_is_no_batch_and_nothing_to_keep(
    refusing: Served, body: bytes, kind: str
) -> None:
    answer = await refusing.feed(body, content_type=kind)

    refused(answer, 400, "unreadable_body")
    assert "quarantine" not in answer.json()
    assert await stored(refusing) == 0


async def test_a_batch_whose_bots_are_another_portals_is_refused_whole(refusing: Served) -> None:
    foreign = samples.tree(ITEM)
    foreign["data"]["bot"] = {"id": 7, "auth": {"member_id": OTHER_MEMBER}}
    page = {"result": {"events": [samples.tree(ITEM), foreign]}}

    answer = await refusing.feed(json.dumps(page).encode())

    refused(answer, 403, "portal_mismatch")
    assert await stored(refusing) == 0


async def test_a_portal_with_another_member_id_takes_only_its_own(served: Served) -> None:
    key = await catalog(served).rotate_ingest_key(OTHER, now=NOW, revoke_old=False)
    await served.state.refresh()
    theirs = proving(OTHER_TOKEN).replace(MEMBER_ID.encode(), OTHER_MEMBER.encode())

    mine = await served.client.post(f"/v1/hooks/{key}", content=samples.sample(WEBHOOK))
    own = await served.client.post(f"/v1/hooks/{key}", content=theirs)

    assert MEMBER_ID.encode() in samples.sample(WEBHOOK)
    refused(mine, 403, "application_token_mismatch")
    assert own.json() == {"position": 1}

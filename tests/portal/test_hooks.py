"""Webhooks of the simulated portal come, come twice, come late, or never."""

from random import Random

from tests.portal.hooks import Hooks
from tests.portal.portal import Portal


async def delivered(*, lost: float = 0.0, repeated: float = 0.0, delay: float = 0.0) -> list[bytes]:
    portal = Portal()
    random = Random(1)  # noqa: S311 - the same again is what we want
    hooks = Hooks(portal, random, lost=lost, repeated=repeated, delay=delay)
    chat = portal.world.open_chat("Kitchen", [41, 58])
    bodies: list[bytes] = []

    async def send(body: bytes) -> None:
        bodies.append(body)

    portal.world.post(chat.id, 41, "a word")
    await hooks.deliver(send)
    return bodies


async def test_each_family_tells_of_a_message() -> None:
    legacy, v2 = sorted(await delivered(), key=lambda body: b"V2" in body)

    assert legacy.startswith(b"event=ONIMBOTMESSAGEADD&")
    assert v2.startswith(b"event=ONIMBOTV2MESSAGEADD&")


async def test_they_may_be_lost_or_repeated_or_late() -> None:
    assert await delivered(lost=1.0) == []
    assert len(await delivered(repeated=1.0)) == 4
    assert await delivered(delay=1_000.0) == []

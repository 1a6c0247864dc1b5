"""Tokens that may ask so often only, when they were last shown, and what a guess costs."""

import time
from typing import Any

import pytest
from starlette.requests import Request

from api import guesses as module
from api.guesses import ADDRESS, EVERYBODY, GuessedTokens, address_of
from api.problems import Problem
from eventstore.directory import Limits, Rate
from eventstore.tokens import Tokens
from tests.conftest import Reader
from tests.promises.server import NOW, SLUG


async def made(reader: Reader, **limits: Any) -> Reader:
    """Make a token that is limited, and read with it as `limited`."""
    catalog = reader.served.state.catalog
    _, token = await Tokens(catalog).create(
        portals=[SLUG], scopes=["messages:read"], now=NOW, limits=Limits(**limits)
    )
    return Reader(reader.served, {**reader.tokens, "limited": token})


async def test_a_token_that_asks_too_often_is_told_when_to_ask_again(own_reader: Reader) -> None:
    reader = await made(own_reader, rate=Rate(3, 60))

    answers = [await reader.get("/portals/acme/chats", token="limited") for _ in range(4)]  # noqa: S106 - a name
    others = await reader.get("/portals/acme/chats")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
    assert others.status_code == 200


async def test_a_window_moves(own_reader: Reader) -> None:
    reader = await made(own_reader, rate=Rate(1, 1))

    async def ask() -> int:
        return (await reader.get("/portals", token="limited")).status_code  # noqa: S106 - a name

    assert [await ask(), await ask()] == [200, 429]
    time.sleep(1.1)  # noqa: ASYNC251 - the window is of the clock
    assert await ask() == 200


async def test_when_a_token_was_last_shown_is_kept_once_a_minute(
    own_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, state = await made(own_reader), own_reader.served.state

    async def used_at() -> int | None:
        tokens = (await state.catalog.snapshot()).tokens
        digest = state.catalog.key.digest("bearer token", reader.tokens["limited"])
        return tokens[digest].used_at

    before = await used_at()
    await reader.get("/portals", token="limited")  # noqa: S106 - a name
    await state.refresh()
    first = await used_at()
    await reader.get("/portals", token="limited")  # noqa: S106 - a name
    await state.refresh()

    assert before is None
    assert first is not None
    assert abs(first - time.time_ns() // 1000) < 30_000_000
    assert await used_at() == first


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited, instead of waiting."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(module, "sleep", sleep)
    return slept


def request_from(address: str, *told: str) -> Request:
    headers = [(b"x-forwarded-for", each.encode()) for each in told]
    return Request({"type": "http", "client": (address, 1), "headers": headers})


async def test_each_guess_costs_twice_the_last_up_to_a_bound(slept: list[float]) -> None:
    guessed = GuessedTokens(0)

    for _ in range(20):
        await guessed.slow_down(request_from("192.0.2.1"))

    assert len(slept) == 20 - ADDRESS.free
    assert slept[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(slept) == ADDRESS.most


async def test_who_guesses_slows_down_no_other_address(slept: list[float]) -> None:
    guessed = GuessedTokens(0)
    for _ in range(20):
        await guessed.slow_down(request_from("192.0.2.1"))
    slept.clear()

    await guessed.slow_down(request_from("192.0.2.2"))

    assert slept == []


async def test_many_addresses_are_slowed_down_together(slept: list[float]) -> None:
    guessed = GuessedTokens(0)

    for number in range(EVERYBODY.free + 20):
        await guessed.slow_down(request_from(f"10.0.{number // 256}.{number % 256}"))

    assert len(slept) == 20
    assert max(slept) == EVERYBODY.most


async def test_what_is_remembered_is_bounded(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ADDRESSES", 100)
    guessed = GuessedTokens(0)

    for number in range(1_000):
        await guessed.slow_down(request_from(f"10.0.{number // 256}.{number % 256}"))

    assert len(guessed._by_address) == 100  # noqa: SLF001 - what is bounded


async def test_no_more_wait_than_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_WAITING", 0)
    guessed = GuessedTokens(0)
    for _ in range(ADDRESS.free):
        await guessed.slow_down(request_from("192.0.2.1"))

    with pytest.raises(Problem) as refused:
        await guessed.slow_down(request_from("192.0.2.1"))

    assert refused.value.code == "rate_limited"
    assert refused.value.response().headers["Retry-After"] == "60"


async def test_a_good_token_never_waits(own_reader: Reader, slept: list[float]) -> None:
    client, guess = own_reader.served.client, {"Authorization": "Bearer guessed"}
    for _ in range(ADDRESS.free + 2):
        await client.get("/v1/portals", headers=guess)
    refused = await client.get("/v1/portals", headers=guess)
    waited = len(slept)

    answer = await own_reader.get("/portals")

    assert refused.status_code == 401
    assert refused.json()["code"] == "token_unknown"
    assert waited == 3
    assert answer.status_code == 200
    assert len(slept) == waited


@pytest.mark.parametrize(
    ("trusted", "told", "address"),
    [
        (0, (), "192.0.2.1"),
        (0, ("198.51.100.7",), "192.0.2.1"),
        (1, ("198.51.100.7",), "198.51.100.7"),
        (1, ("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
        (1, ("203.0.113.9", "198.51.100.7"), "198.51.100.7"),
        (2, ("203.0.113.9, 198.51.100.7",), "203.0.113.9"),
        (2, ("198.51.100.7",), "198.51.100.7"),
        (1, (), "192.0.2.1"),
        (1, ("2001:db8:1:2:3:4:5:6",), "2001:db8:1:2::/64"),
        (1, ("unknown",), "unknown"),
    ],
)
def test_who_asks_is_told_by_the_proxies_that_are_trusted(
    trusted: int, told: tuple[str, ...], address: str
) -> None:
    assert address_of(request_from("192.0.2.1", *told), trusted) == address

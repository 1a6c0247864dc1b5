"""`chronicle demo`: the whole thing on sample events, and three questions to ask it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import httpx
import typer

from api.settings import Settings
from api.times import now
from eventstore.database import Place, Pool
from eventstore.lock import ServerAddress
from eventstore.log import heads
from eventstore.tokens import Tokens
from scripts import logs
from scripts.console import Failure, application, example, run, say, show_table, stdout
from scripts.demo_live import demo_live
from scripts.serve import Port, serve_until_stopped
from scripts.store import open_store

app = application()

PORTAL: Final = "acme"
MEMBER_ID: Final = "fakememberid00000000000000000001"
APPLICATION_TOKEN: Final = "FAKE_APPLICATION_TOKEN_0001"  # noqa: S105 - of an invented portal
RECEIVER: Final = "user:58"
SCOPES: Final = ("messages:read", "messages:read.deleted", "events:read")

_PATIENCE: Final = 15.0
"""Seconds until the server knows a new portal, and has projected what it was fed."""

_NOT_YET: Final = (401, 404, 503)


class Portals(StrEnum):
    """What the demo shows."""

    SAMPLES = "samples"
    SIMULATED = "simulated"


class Question(NamedTuple):
    """Something worth asking: where the answer is, and which part of it to show."""

    text: str
    path: str
    columns: Sequence[str]
    row: Callable[[dict[str, Any]], Sequence[Any]]


QUESTIONS: Final = (
    Question(
        "What did message 190500 say, before it was edited twice and then deleted?",
        "messages/190500/versions",
        ("version", "from", "until", "text"),
        lambda one: (one["version"], _at(one["from"]), _at(one["until"]), one["text"]),
    ),
    Question(
        "Who liked it, and took that back?",
        "messages/190500/reactions?view=intervals",
        ("reaction", "user", "from", "until"),
        lambda one: (one["code"], one["user_id"], _at(one["from"]), _at(one["until"])),
    ),
    Question(
        "Who was in the chat? A dash under `joined`: nobody witnessed it, so it is not invented.",
        "chats/2207/members?view=intervals",
        ("user", "joined", "first seen", "left"),
        lambda one: (
            one["user"]["name"] or one["user"]["id"],
            _at(one["joined"]),
            _short(one["first_seen_at"]),
            _at(one["left"]),
        ),
    ),
)


@app.command(epilog=example("chronicle demo", "chronicle demo --portal simulated --port 9000"))
def demo(
    port: Port = 8080,
    data: Annotated[Path, typer.Option(help="A folder of its own.")] = Path("demo-data"),
    *,
    portal: Annotated[
        Portals, typer.Option(help="Sample events, or a portal that lives, and is polled.")
    ] = Portals.SAMPLES,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop after the answers instead of serving on.")
    ] = False,
) -> None:
    """Start a server, feed it sample events of all three families, ask three questions.

    It feeds only an empty log: running it again on the same folder changes nothing.

    With `--portal simulated`: start a simulated Bitrix24 beside it, connect the queues of a user
    and of a bot, and print what comes in while people write, edit, delete and react there.
    """
    settings = Settings().model_copy(
        update={"database": f"sqlite:///{data}", "secret_key_file": None, "project": True}
    )
    logs.configure(settings)
    if portal is Portals.SIMULATED:
        demo_live(settings, port, leave=leave)
        return

    async def ready(address: ServerAddress) -> bool:
        await _show(settings, address)
        if not leave:
            say(f"\nServing at {address.url} until Ctrl-C.")
        return not leave

    serve_until_stopped(settings, "127.0.0.1", port, ready)


async def _show(settings: Settings, address: ServerAddress) -> None:
    ingest_key, token = await _prepare(settings)
    async with httpx.AsyncClient(base_url=address.url, timeout=_PATIENCE, trust_env=False) as http:
        position = 0
        if ingest_key is not None:
            position = await _feed(http, ingest_key, address.run_key)
        out = stdout()
        out.print(f"address     {address.url}")
        out.print(f"read token  {token}", soft_wrap=True)
        for number, question in enumerate(QUESTIONS, 1):
            path = f"/v1/portals/{PORTAL}/{question.path}"
            answer = await _ask(http, path, token, position)
            out.print(f"\n{number}. {question.text}")
            command = f"curl -H 'Authorization: Bearer {token}' '{address.url}{path}'"
            out.print(f"   {command}\n", soft_wrap=True)
            show_table(question.columns, [question.row(one) for one in answer["data"]])


async def _prepare(settings: Settings) -> tuple[str | None, str]:
    """Return a key to feed the portal with, if its log is empty, and a token to read it."""
    async with open_store(settings, create=True) as store:
        catalog = store.catalog
        portal = store.snapshot.portals.get(PORTAL)
        key = None
        if portal is None:
            key = await catalog.add_portal(
                PORTAL, MEMBER_ID, now=now(), application_tokens=[APPLICATION_TOKEN]
            )
        elif not await _head(store.place.log, portal.id):
            key = await catalog.rotate_ingest_key(PORTAL, now=now(), revoke_old=True)
        _, token = await Tokens(catalog).create(
            portals=[PORTAL], scopes=SCOPES, now=now(), label="demo"
        )
    return key, token


async def _head(log: Place, portal_id: int) -> int:
    pool = Pool(log, 1)
    try:
        async with pool.reading() as session:
            return (await heads(session)).get(portal_id, 0)
    finally:
        await pool.close()


async def _feed(http: httpx.AsyncClient, ingest_key: str, run_key: str) -> int:
    """Send the samples as a portal and a poller would; return the highest position."""
    samples = resources.files("scripts") / "samples"
    positions: list[int] = []
    for body in (samples / "webhooks.txt").read_bytes().splitlines():
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await _patiently(
            http, "POST", f"/v1/hooks/{ingest_key}", content=body, headers=form
        )
        positions.append(answer["position"])
    answer = await _patiently(
        http,
        "POST",
        f"/v1/portals/{PORTAL}/events",
        params={"receiver": RECEIVER},
        content=(samples / "queue.ndjson").read_bytes(),
        headers={"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {run_key}"},
    )
    positions += [result["position"] for result in answer["results"]]
    say(f"fed {len(positions)} sample events: webhooks one by one, queue items in one batch")
    return max(positions)


async def _ask(http: httpx.AsyncClient, path: str, token: str, position: int) -> dict[str, Any]:
    url = httpx.URL(path)
    if position:
        url = url.copy_merge_params({"min_position": str(position)})
    return await _patiently(http, "GET", url, headers={"Authorization": f"Bearer {token}"})


async def _patiently(
    http: httpx.AsyncClient, method: str, url: httpx.URL | str, **request: Any
) -> dict[str, Any]:
    """Ask until the server knows what was made a moment ago.

    Raises Failure with what it says when that takes too long.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        response = await http.request(method, url, **request)
        if response.is_success:
            return dict(response.json())
        if response.status_code not in _NOT_YET or time.monotonic() > until:
            raise Failure(f"the server refused ({response.status_code}): {response.text}")
        await asyncio.sleep(0.05)


def _at(moment: dict[str, Any] | None) -> str | None:
    return None if moment is None else _short(moment["at"])


def _short(at: str | None) -> str | None:
    """Spell a moment for a narrow column."""
    return None if at is None else at[:19].replace("T", " ")


if __name__ == "__main__":
    run(app)

"""Promise 7: no secret reaches a file, a log line, an answer, the metrics or a page."""

import asyncio
import io
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlsplit

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy import make_url, text

from eventstore.catalog import Catalog
from eventstore.directory import SCOPES
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, OAuth, Webhook
from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from eventstore.tokens import Tokens
from projections.export.names import FormatName
from tests import samples
from tests.engines import damage, query, step_aside
from tests.portal.payloads import form
from tests.promises.canaries import MARK, Canaries, plant
from tests.promises.process import running
from tests.promises.server import FORM, JSON, MEMBER_ID, NDJSON, NOW, SLUG, Registered

READ: Final = {"portal": SLUG, "chat": "2207", "message": "190411", "user": "41", "position": "1"}
"""What stands for the braces of the addresses in the API's own description."""

LOG_ALL: Final = {"log_statement": "all", "log_parameter_max_length_on_error": "-1"}
"""With these, PostgreSQL logs every statement, and every parameter of each."""

_TABLES: Final = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
"""Those of PostgreSQL itself, too: there are samples of values, and comments."""

_ROWS: Final = "SELECT each::text FROM {} AS each"

NOBODY: Final = "127.0.0.1:1"
"""Where no portal listens."""

_NEVER_IDLE: Final = httpx.Limits(max_keepalive_connections=0)


class Correspondence:
    """Sends, and keeps every answer."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.answers: list[bytes] = []

    def send(self, method: str, path: str, **request: object) -> httpx.Response:
        answer = self._client.request(method, path, **request)  # type: ignore[arg-type]
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.answers.append(headers.encode() + b"\n\n" + answer.content)
        return answer


@pytest.fixture
async def logged(fresh: Store, request: pytest.FixtureRequest) -> Callable[[], bytes]:
    """Give what the engine itself has logged; SQLite logs nothing."""
    if not isinstance(fresh, PostgresStore):
        return bytes
    name = make_url(fresh.url).database
    settings = (f"ALTER DATABASE {name} SET {each} = '{LOG_ALL[each]}'" for each in LOG_ALL)
    await damage(fresh.log, *settings)
    log = request.getfixturevalue("postgresql_log")
    begun = log.stat().st_size
    return lambda: log.read_bytes()[begun:]


async def test_no_secret_is_found_anywhere(
    fresh: Store, logged: Callable[[], bytes], tmp_path: Path
) -> None:
    canaries = Canaries()
    application_token = canaries.new("the portal's application token")
    registered, known = await _register(fresh, application_token)
    await _connect(fresh, canaries)
    log = tmp_path / "server.log"
    polling = {"CHRONICLE_POLL": "true", "CHRONICLE_OAUTH_SERVER": f"https://{NOBODY}"}
    with running(fresh, log, **polling) as server:
        letters, taken = await asyncio.to_thread(
            _correspond, server.url, registered, canaries, application_token
        )
        alive = await _everything_of(fresh)
    stopped = await _everything_of(fresh)

    for content in (alive, stopped):
        assert {name: _found(bytes_, known) for name, bytes_ in content.items()} == {
            name: [] for name in content
        }
    assert [answer for answer in letters.answers if _found(answer, known)] == []
    assert _found(log.read_bytes(), known) == []
    for method in (b"im.v2.Event.subscribe", b"imbot.v2.Event.get", b"oauth.token"):
        assert method + b": no connection" in log.read_bytes()
    assert _found(logged(), known) == []
    assert isinstance(fresh, Folder) or b"INSERT INTO catalog.quarantined" in logged()
    events = await query(fresh.log, "SELECT payload FROM event")
    assert len(events) == taken
    assert len(canaries.planted) > 2_000
    assert sum(payload.count("redacted:1:") for (payload,) in events) > 2_000


async def _register(store: Store, application_token: str) -> tuple[Registered, list[bytes]]:
    """Make a portal; return with it how to find every secret that is in use."""
    catalog = await Catalog.open(store, create=True)
    try:
        key = await catalog.add_portal(
            SLUG, MEMBER_ID, now=NOW, application_tokens=[application_token]
        )
        _, token = await Tokens(catalog).create(portals=[SLUG], scopes=SCOPES, now=NOW)
        _, other = await Tokens(catalog).create(portals=[SLUG], scopes=SCOPES, now=NOW)
    finally:
        await catalog.close()
    known = [MARK, *(word.encode() for word in (key, token, other))]
    if isinstance(store, PostgresStore):
        known.append(str(make_url(store.url).password).encode())
    return Registered(store, key, token), known


async def _connect(store: Store, canaries: Canaries) -> None:
    """Register a queue by each way to prove who asks, at a portal that is not there."""
    catalog = await Catalog.open(store)
    hook = Webhook(NOBODY, 58, canaries.new("code of a webhook"))
    bot = Credentials(hook, canaries.new("token of a bot"))
    application = OAuth(
        domain=NOBODY,
        app_id=canaries.new("id of an application"),
        app_secret=canaries.new("secret of an application"),
        access_token=canaries.new("access token of an application"),
        refresh_token=canaries.new("refresh token of an application"),
        expires_at=NOW // 2,
    )
    ways = {"user:58": Credentials(hook), "bot:931": bot, "user:41": Credentials(application)}
    try:
        for receiver, credentials in ways.items():
            await Connections(catalog).add(1, receiver, credentials, now=NOW)
    finally:
        await catalog.close()


def _found(where: bytes, secrets: list[bytes]) -> list[bytes]:
    return [secret for secret in secrets if secret in where]


def _correspond(
    url: str, registered: Registered, canaries: Canaries, application_token: str
) -> tuple[Correspondence, int]:
    """Send everything and read everything; return the answers, and how many events were taken."""
    # a machine that stalls must not find a connection that was closed for idleness
    with httpx.Client(base_url=url, timeout=30, limits=_NEVER_IDLE) as client:
        letters = Correspondence(client)
        taken = _send_all(letters, registered, canaries, application_token)
        _send_what_is_refused(letters, registered, canaries)
        _send_no_http(url, canaries)
        _read_everything(letters, registered)
        for form in get_args(FormatName):
            _export_everything(letters, registered, form)
    return letters, taken


def _send_all(
    letters: Correspondence, registered: Registered, canaries: Canaries, application_token: str
) -> int:
    """Send every sample in every form; return how many events that are."""
    hooks = f"/v1/hooks/{registered.ingest_key}"
    events = f"/v1/portals/{SLUG}/events"
    bearer = {"Authorization": f"Bearer {registered.token}"}
    taken = 0
    for name in samples.WEBHOOKS:
        for kind in (JSON, FORM):
            sent = plant(
                samples.tree(name), f"{name} {kind}", canaries, application_token=application_token
            )
            body = form(sent) if kind == FORM else json.dumps(sent).encode()
            path = f"{hooks}?CLIENT_ID={canaries.new('the query of the hook')}"
            answer = letters.send("POST", path, content=body, headers={"Content-Type": kind})
            assert answer.status_code == 200, name
            taken += 1
        sent = plant(samples.tree(name), f"{name} again", canaries, application_token=None)
        headers = {**bearer, "Content-Type": NDJSON}
        answer = letters.send("POST", events, content=json.dumps(sent), headers=headers)
        assert answer.status_code == 200, name
        taken += 1
    for name in (*samples.ITEMS, *samples.PAGES):
        sent = plant(samples.tree(name), name, canaries, application_token=None)
        answer = letters.send("POST", events, json=sent, headers=bearer)
        assert answer.status_code == 200, name
        taken += sum(result["outcome"] != "duplicate" for result in answer.json()["results"])
    return taken


def _send_what_is_refused(
    letters: Correspondence, registered: Registered, canaries: Canaries
) -> None:
    """Send what cannot be read, what proves nothing, and what belongs elsewhere."""
    hooks = f"/v1/hooks/{registered.ingest_key}"
    events = f"/v1/portals/{SLUG}/events"

    def secret(place: str) -> str:
        return canaries.new(f"refused: {place}")

    unreadable = [
        b'{"event": "ONIMBOTMESSAGEADD", "auth": {"access_token": "' + secret("cut off").encode(),
        b"event=X&auth[access_token]=" + secret("bad UTF-8").encode() + b"&b=%ff",
        b"auth[access_token]=" + secret("no event").encode(),
        b"auth=" + secret("two values").encode() + b"&auth[access_token]=x",
        b'{"a": 1e999, "access_token": "' + secret("1e999").encode() + b'"}',
        b'{"event": "X", "a": "\\ud800", "token": "' + secret("surrogate").encode() + b'"}',
        ('{"' + secret("a key") + '": nothing}').encode(),
        b'{"event": "\x00", "auth": {"token": "' + secret("NUL").encode() + b'"}}',
    ]
    bearer = {"Authorization": f"Bearer {registered.token}"}
    for body in unreadable:
        letters.send("POST", hooks, content=body)
        for kind in (JSON, NDJSON):
            headers = {**bearer, "Content-Type": kind}
            letters.send("POST", events, content=body + b"\n{}", headers=headers)
    nobody = {"Authorization": f"Bearer {secret('an unknown token')}"}
    letters.send("POST", events, json={}, headers=nobody)
    letters.send("GET", f"/v1/portals/{SLUG}/messages", headers=nobody)
    letters.send("POST", events, params={"receiver": secret("receiver")}, headers=bearer)
    letters.send("POST", events, params={"token": secret("a parameter")}, headers=bearer)
    letters.send("POST", f"/v1/hooks/{secret('an unknown key')}", content=b"a=b")
    wrong = {"event": "X", "auth": {"application_token": secret("a wrong application token")}}
    letters.send("POST", hooks, json=wrong)
    elsewhere = {"event": "X", "auth": {"member_id": secret("another member_id")}}
    letters.send("POST", events, json=elsewhere, headers=bearer)


def _send_no_http(url: str, canaries: Canaries) -> None:
    """Send bytes that are no request: the server must not log them."""
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0), timeout=5) as connection:
        connection.sendall(f"POST {canaries.new('no HTTP')}\x01 HTTP/9\r\n\r\n".encode())
        connection.recv(1024)


def _read_everything(letters: Correspondence, registered: Registered) -> None:
    """Ask every address that the API describes, and walk through its lists."""
    bearer = {"Authorization": f"Bearer {registered.token}"}
    head = letters.send("GET", f"/v1/portals/{SLUG}", headers=bearer).json()["data"]["head"]
    described = letters.send("GET", "/openapi.json").json()["paths"]
    read = [path for path in described if "get" in described[path] and "{export}" not in path]
    for path in [*read, "/docs", "/metrics"]:
        wanted = {"min_position": head} if "{message}" in path else {}
        filled = path.format(**READ, ingest_key="none")
        answer = letters.send("GET", filled, params=wanted, headers=bearer)
        assert answer.status_code == 200, path
        while answer.headers["content-type"] == JSON and (next_page := _next(answer)):
            answer = letters.send("GET", filled, params={"cursor": next_page}, headers=bearer)


def _export_everything(letters: Correspondence, registered: Registered, form: str) -> None:
    """Order all that there is, and fetch every file of it; of Parquet also what it says."""
    bearer = {"Authorization": f"Bearer {registered.token}"}
    exports = f"/v1/portals/{SLUG}/exports"
    ordered = letters.send("POST", exports, json={"format": form}, headers=bearer)
    address = ordered.headers["Location"]
    deadline = time.monotonic() + 60
    while (found := letters.send("GET", address, headers=bearer).json()["data"])["parts"] is None:
        assert found["failure"] is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    events = [part["rows"] for part in found["parts"] if part["table"] == "events"]
    assert sum(events) == found["position"] > 0
    for url in (found["manifest_url"], found["complete_url"]):
        assert letters.send("GET", url, headers=bearer).status_code == 200
    for part in found["parts"]:
        answer = letters.send("GET", part["url"], headers=bearer)
        assert len(answer.content) == part["bytes"]
        if form == "parquet":
            said = pq.read_table(io.BytesIO(answer.content))
            letters.answers.append(f"{said.schema} {said.to_pylist()}".encode())
    letters.send("DELETE", address, headers=bearer)


def _next(answer: httpx.Response) -> str | None:
    said = answer.json()
    page = said.get("page") if isinstance(said, dict) else None
    cursor: str | None = page["next"] if page else None
    return cursor


async def _everything_of(store: Store) -> dict[str, bytes]:
    """Give all that a store has written: every file, or the rows of every table."""
    if isinstance(store, Folder):
        return {path.name: path.read_bytes() for path in store.path.rglob("*") if path.is_file()}
    session = await store.log.open_reader()
    try:
        await step_aside(session)
        await session.execute("SET bytea_output = 'escape'")  # or bytes would be spelled in hex
        return {
            table: "\n".join(
                row for (row,) in await session.rows(text(_ROWS.format(table)))
            ).encode()
            for (table,) in await session.rows(text(_TABLES))
        }
    finally:
        await session.close()

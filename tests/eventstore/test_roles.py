"""The role that a server runs as on PostgreSQL: it may append and project, and change no event.

SQLite knows no roles: whoever may write the file may do all, and only the triggers are in the way.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from eventstore.catalog import Catalog
from eventstore.errors import InvalidRegistration, StoreUnavailable
from eventstore.postgres_store import PostgresStore
from eventstore.quarantine import Quarantine
from eventstore.roles import grants
from eventstore.tokens import Tokens
from projections.rebuild import rebuild
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.promises.server import JSON, NOW, SLUG, deliver, register, serving_again

PASSWORD = "only for a test"  # noqa: S105 - on a server of the tests


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def role(database: PostgresStore) -> AsyncIterator[str]:
    """A role that may log in, and nothing else."""
    role = f"server_{uuid4().hex}"
    await run(database.url, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    yield role
    await run(database.url, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


@pytest.fixture
def powerless(database: PostgresStore, role: str) -> PostgresStore:
    """The store as that role has it."""
    url = make_url(database.url).set(username=role, password=PASSWORD)
    return replace(database, url=url.render_as_string(hide_password=False))


@pytest.fixture
async def granted(database: PostgresStore, powerless: PostgresStore, role: str) -> PostgresStore:
    """The same, after the owner granted it what is documented: twice, which changes nothing."""
    await run(database.url, *grants(role), *grants(role))
    return powerless


pytestmark = pytest.mark.postgresql


async def test_a_server_works_as_that_role(database: PostgresStore, granted: PostgresStore) -> None:
    registered = replace(await register(database), store=granted)

    async with serving_again(registered) as served:
        for name in [*samples.FORMS, *samples.ITEMS]:
            assert (await deliver(served, name)).status_code == 200
        assert (await served.hook(b"{", JSON)).status_code == 400
        await served.state.live.catch_up()
        _, token = await Tokens(served.state.catalog).create(
            portals=[SLUG], scopes=["messages:read", "messages:read.deleted"], now=NOW
        )
        await served.state.refresh()
        read = await served.client.get(
            f"/v1/portals/{SLUG}/messages/190411/versions",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert read.status_code == 200
        assert "please log" in read.json()["data"][0]["text"]
        assert await Quarantine(served.state.catalog).counts() == {1: 1}


async def test_commands_work_as_that_role(database: PostgresStore, granted: PostgresStore) -> None:
    registered = replace(await register(database), store=granted)
    async with serving_again(registered) as served:
        await deliver(served, samples.ITEMS[0])
        await served.state.live.catch_up()
    catalog = await Catalog.open(granted)
    try:
        await catalog.add_portal("globex", "another", now=NOW)
        await catalog.rotate_ingest_key("globex", now=NOW, revoke_old=True)
        summary = await rebuild(granted, catalog, lambda *_: None)
        portals = list((await catalog.snapshot()).portals.values())
        await granted.generation(1).remove()
    finally:
        await catalog.close()

    differences = [
        difference
        for verify in (verify_log, verify_read_models)
        async for difference in verify(granted, portals, lambda *_: None)
    ]

    assert summary.events == 1
    assert {portal.generation for portal in portals} == {2}
    assert differences == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.event SET payload = NULL, salt = NULL",
        "UPDATE log.event SET receiver = 'app'",
        "DELETE FROM log.event",
        "TRUNCATE log.event",
        "DELETE FROM log.log_head",
        "TRUNCATE log.log_head",
        "ALTER TABLE log.event DISABLE TRIGGER ALL",
        "ALTER TABLE log.event DISABLE TRIGGER event_payload_stays",
        "ALTER TRIGGER event_payload_stays ON log.event RENAME TO nothing",
        "DROP TRIGGER event_is_never_deleted ON log.event",
        "DROP TRIGGER log_head_never_moves_back ON log.log_head",
        "CREATE TRIGGER another BEFORE INSERT ON log.event EXECUTE FUNCTION log.refuse()",
        "CREATE OR REPLACE FUNCTION log.refuse() RETURNS trigger LANGUAGE sql AS 'SELECT'",
        "DROP FUNCTION log.refuse() CASCADE",
        "ALTER TABLE log.event DROP COLUMN leaf",
        "ALTER TABLE log.event OWNER TO CURRENT_USER",
        "CREATE RULE nothing AS ON INSERT TO log.event DO INSTEAD NOTHING",
        "DROP TABLE log.event",
        "UPDATE access.event SET receiver = 'token:another'",
        "DELETE FROM access.event",
        "TRUNCATE access.event",
        "DELETE FROM access.log_head",
        "ALTER TABLE access.event DISABLE TRIGGER ALL",
        "DROP SCHEMA access CASCADE",
        "DROP SCHEMA log CASCADE",
        "CREATE TABLE log.another (a integer)",
        "COMMENT ON SCHEMA log IS '1'",
        "SET session_replication_role = replica",
        "TRUNCATE catalog.portal",
        "DROP TABLE catalog.token",
    ],
)
async def test_what_keeps_the_log_is_out_of_its_reach(
    granted: PostgresStore, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(granted.url, statement)


async def test_what_it_may_do_the_triggers_still_refuse(
    database: PostgresStore, granted: PostgresStore
) -> None:
    await run(granted.url, "INSERT INTO log.log_head VALUES (1, 5)")

    with pytest.raises(asyncpg.RaiseError, match="a head never moves back"):
        await run(granted.url, "UPDATE log.log_head SET position = 4")


async def test_a_role_without_the_grants_is_told_so(powerless: PostgresStore) -> None:
    with pytest.raises(StoreUnavailable, match="permission denied"):
        await Catalog.open(powerless, create=True)


@pytest.mark.parametrize(
    "name",
    ["", "public", "none", "pg_write_all_data", "A", "a b", 'a"', "a;b", "ä", "1a", "a" * 64],
)
def test_a_name_that_is_no_role_of_ours_is_refused(name: str) -> None:
    with pytest.raises(InvalidRegistration):
        grants(name)


def test_nothing_is_granted_that_changes_an_event() -> None:
    of_events = [statement for statement in grants("server") if "log.event" in statement]

    assert of_events == ['GRANT SELECT, INSERT ON log.event, access.event TO "server"']

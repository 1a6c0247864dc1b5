"""A store is known by its address, and says where everything is."""

from pathlib import Path

import pytest

from eventstore.errors import StoreInUse, StoreUnavailable, WrongSecretKey
from eventstore.folder import Folder
from eventstore.lock import ServerAddress
from eventstore.postgres_store import PostgresStore
from eventstore.schema import catalog_metadata
from eventstore.store import Store, store_at


def test_an_address_names_the_engine() -> None:
    assert store_at("sqlite:///data") == Folder(Path("data"))
    assert store_at("sqlite:////var/lib/chronicle") == Folder(Path("/var/lib/chronicle"))
    assert store_at("postgresql://u@h/d", Path("key")) == PostgresStore(
        "postgresql://u@h/d", Path("key")
    )
    assert isinstance(store_at("postgres://u@h/d"), PostgresStore)


@pytest.mark.parametrize("address", ["", "data", "sqlite:///", "mysql://h/d", "postgresql:d"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="must be sqlite"):
        store_at(address)


def test_no_name_has_a_password() -> None:
    store = store_at("postgresql://someone:hunter2@db.example:5433/chronicle", Path("key"))

    assert store.name == "db.example:5433/chronicle"
    for said in (store.name, repr(store), repr(store.log), repr(store.catalog)):
        assert "hunter2" not in said
        assert "someone" not in said


async def test_no_error_has_a_password(postgresql_url: str) -> None:
    wrong = postgresql_url.replace("@", "hunter2@")
    store = PostgresStore(wrong, Path("key"))

    with pytest.raises(StoreUnavailable) as raised:
        await store.log.exists()

    assert "hunter2" not in str(raised.value)
    assert store.name in str(raised.value)


def test_the_key_is_in_the_folder_unless_the_settings_say_where() -> None:
    assert Folder(Path("data")).secret_key == Path("data/secret.key")
    assert Folder(Path("data"), Path("elsewhere")).secret_key == Path("elsewhere")
    assert PostgresStore("postgresql://h/d", Path("elsewhere")).secret_key == Path("elsewhere")


def test_a_database_has_no_place_for_the_key() -> None:
    with pytest.raises(WrongSecretKey, match="CHRONICLE_SECRET_KEY_FILE"):
        _ = PostgresStore("postgresql://h/d").secret_key


async def test_generations_are_found_by_their_numbers(store: Store) -> None:
    for number in (10, 9):
        session = await store.generation(number).open_writer()
        await session.create(catalog_metadata, indexes=False)
        await session.close()

    assert await store.generations() == [9, 10]


async def test_no_generation_is_found_where_there_is_none(store: Store) -> None:
    assert await store.generations() == []


async def test_who_may_write_at_the_same_time(store: Store) -> None:
    """One process to a folder; to a database as many as like, each with a server of its own."""
    address = ServerAddress("http://127.0.0.1:1", "key")
    with store.hold() as held:
        held.announce(address)
        if isinstance(store, Folder):
            assert store.find_server() == address
            with pytest.raises(StoreInUse), store.hold():
                pass
        else:
            assert store.find_server() is None
            with store.hold():
                pass

    assert store.find_server() is None


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """A database is reached by a password instead."""
    store = store_at(f"sqlite:///{tmp_path}/data")

    store.prepare()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700

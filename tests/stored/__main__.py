"""`python -m tests.stored` stores a store of this version, of each engine, as a dump.

Do it before a change of the tables, so that the versions to come can be tried on it.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from eventstore.catalog import Catalog
from eventstore.folder import Folder
from eventstore.migrations import VERSION
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from tests.postgresql.server import private_server
from tests.stored.contents import fill, fixed, look
from tests.stored.dumps import KEY_FILE, keep_database, keep_folder


async def make(store: Store) -> None:
    """Make a store that holds what every stored one does."""
    store.prepare()
    shutil.copyfile(KEY_FILE, store.secret_key)
    catalog = await Catalog.open(store, create=True)
    appender = await store.open_appender()
    access_appender = await store.open_access_appender()
    with fixed():
        await fill(catalog, appender.append_all)
        await look(catalog, access_appender.append_all)
    await access_appender.close()
    await appender.close()
    await catalog.close()


with tempfile.TemporaryDirectory() as temporary, private_server() as server:
    folder = Folder(Path(temporary) / "data")
    asyncio.run(make(folder))
    keep_folder(folder, VERSION)
    asyncio.run(make(PostgresStore(server.url(), Path(temporary) / "secret.key")))
    keep_database(server.url(), VERSION)

"""`chronicle poll`: fetches the queues of all connections."""

import asyncio
import signal
from collections.abc import Mapping
from typing import Annotated, Any

import typer
import uvloop

from api.settings import Settings
from eventstore.directory import Portal, Snapshot
from eventstore.fetching.connections import Connection
from eventstore.fetching.means import Means, Stop
from eventstore.fetching.poller import Emptied, Poller
from eventstore.fetching.pollers import Pollers, connections_of
from scripts import logs
from scripts.console import (
    Failure,
    Json,
    MaybePortal,
    application,
    example,
    run,
    say,
    show_json,
    show_table,
)
from scripts.fetching import fetching
from scripts.store import OpenStore, open_store

app = application()


@app.command(epilog=example("chronicle poll", "chronicle poll --portal acme --once"))
def poll(
    portal: MaybePortal = None,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Empty the queues, print what came, and end.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch the queues of all connections into the log, until Ctrl-C or SIGTERM.

    A server may run, and takes the events then. Of several that poll the same queue, one works.
    """
    settings = Settings()
    logs.configure(settings)

    async def polled() -> dict[Connection, tuple[Portal, Emptied]]:
        async with open_store(settings) as store:
            store.portals(portal)  # one that nobody registered is told at once
            async with fetching(store) as means:
                stop = Stop()
                loop = asyncio.get_running_loop()
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, stop.ask)
                if once:
                    return await _empty(store, means, stop, portal)
                await _follow(store, means, stop, portal)
                return {}

    done = uvloop.run(polled())
    if once:
        _show(done, json=json)


async def _empty(
    store: OpenStore, means: Means, stop: Stop, slug: str | None
) -> dict[Connection, tuple[Portal, Emptied]]:
    wanted = await connections_of(means, store.snapshot, slug)
    if not wanted:
        raise Failure("there is nothing to poll: `chronicle connection add` registers a queue")
    emptied = await asyncio.gather(
        *(Poller(each, portal, means, stop).empty() for each, portal in wanted.items())
    )
    return {
        connection: (portal, result)
        for (connection, portal), result in zip(wanted.items(), emptied, strict=True)
    }


async def _follow(store: OpenStore, means: Means, stop: Stop, slug: str | None) -> None:
    known = store.snapshot

    async def snapshot() -> Snapshot:
        nonlocal known
        if await store.catalog.revision() != known.revision:
            known = await store.catalog.snapshot()
        return known

    count = len(await connections_of(means, known, slug))
    say(f"polling {count} queue{'' if count == 1 else 's'}; Ctrl-C ends it")
    await Pollers(means, snapshot, slug).run(stop)


def _show(done: Mapping[Connection, tuple[Portal, Emptied]], *, json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "portal": portal.slug,
            "receiver": connection.receiver,
            **vars(emptied.counts),
            "busy": emptied.busy,
            "error": emptied.error,
        }
        for connection, (portal, emptied) in done.items()
    ]
    if json:
        show_json(rows)
    else:
        columns = ["portal", "receiver", "fetched", "appended", "quarantined", ""]
        words = [_words(emptied) for _, emptied in done.values()]
        show_table(
            columns,
            [
                [*(row[name] for name in columns[:-1]), said]
                for row, said in zip(rows, words, strict=True)
            ],
        )
    failed = [f"{row['portal']} {row['receiver']}: {row['error']}" for row in rows if row["error"]]
    if failed:
        raise Failure(f"{len(failed)} of {len(rows)} queues could not be read: {'; '.join(failed)}")


def _words(emptied: Emptied) -> str:
    if emptied.busy:
        return "another process polls it"
    return emptied.error or "empty"


if __name__ == "__main__":
    run(app)

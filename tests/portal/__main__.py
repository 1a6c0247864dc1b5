"""`python -m tests.portal`: a portal over HTTPS, in which people go on talking.

It prints one line of JSON, with all that is needed to connect to it, and goes on until it is
ended: `webhook_url` (of user 58, whose queue is to be read), `bot` and `bot_token`,
`ca_bundle`, and `application` with the first `tokens` that it was granted. With `--with-parent`
it ends when its standard input does.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.portal.bots import Bot
from tests.portal.clock import Clock
from tests.portal.people import LEDGER, READER, People
from tests.portal.portal import Beginnings, Portal
from tests.portal.server import serving


async def live(folder: Path, *, port: int, pace: float, seed: int) -> None:
    """Serve a portal for ever; `pace` is how many things people do in a second."""
    began = time.time()
    clock = Clock(began, running=True)
    portal = Portal(seed=seed, clock=clock, beginnings=Beginnings.at(began))
    people = People(portal, Random(seed))  # noqa: S311 - the same again is what we want
    portal.limits.per_second = 2.0
    webhook = portal.add_webhook(READER)
    application = portal.oauth.install()
    bot = portal.add_bot(Bot(LEDGER, "FAKE_BOT_TOKEN_931", application=application.client_id))
    async with serving(portal, folder, port=port) as address:
        said = {
            "url": address.url,
            "webhook_url": address.webhook_url(webhook),
            "bot": bot.id,
            "bot_token": bot.token,
            "ca_bundle": str(address.ca_bundle),
            "application": application._asdict(),
            "tokens": portal.oauth.grant(application, READER),
        }
        print(json.dumps(said), flush=True)
        while True:
            await asyncio.sleep(1 / pace)
            people.do()


async def run(options: argparse.Namespace) -> None:
    """Live until a signal, or the end of the parent."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    if options.with_parent:
        loop.add_reader(sys.stdin.fileno(), ended.set)  # nobody writes to it: it has ended
    with tempfile.TemporaryDirectory(prefix="chronicle-portal-") as folder:
        life = asyncio.create_task(
            live(Path(folder), port=options.port, pace=options.pace, seed=options.seed)
        )
        over = asyncio.create_task(ended.wait())
        await asyncio.wait((life, over), return_when=asyncio.FIRST_COMPLETED)
        for task in (life, over):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await life


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.portal", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--pace", type=float, default=1.0, help="deeds a second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--with-parent", action="store_true", help="end when stdin does")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

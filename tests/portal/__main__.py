"""`python -m tests.portal`: a portal over HTTPS, in which people go on talking.

It prints one line of JSON, with all that is needed to connect to it, and goes on until it is
ended: `webhook_url` (of user 58, whose queue is to be read), `bot` and `bot_token`,
`ca_bundle`, `member_id`, and `application` with the first `tokens` that it was granted.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from random import Random

from tests.portal.bots import Bot
from tests.portal.clock import Clock
from tests.portal.oauth import MEMBER_ID
from tests.portal.people import LEDGER, READER, People
from tests.portal.portal import Portal
from tests.portal.server import serving


async def live(folder: Path, *, port: int, pace: float, seed: int) -> None:
    """Serve a portal for ever; `pace` is how many things people do in a second."""
    portal = Portal(seed=seed, clock=Clock(time.time(), running=True))
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
            "member_id": MEMBER_ID,
            "application": application._asdict(),
            "tokens": portal.oauth.grant(application, READER),
        }
        print(json.dumps(said), flush=True)
        while True:
            await asyncio.sleep(1 / pace)
            people.do()


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.portal", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--pace", type=float, default=1.0, help="deeds a second")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chronicle-portal-") as folder:
        asyncio.run(live(Path(folder), port=options.port, pace=options.pace, seed=options.seed))


if __name__ == "__main__":
    main()

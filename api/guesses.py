"""Who shows tokens that are none waits for the answer, and longer each time."""

import ipaddress
from asyncio import sleep
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Final

from starlette.requests import Request

from api.problems import Problem

_FORGOTTEN: Final = 600.0
"""Seconds without a guess after which an address begins anew."""

_ADDRESSES: Final = 10_000
"""Addresses that are remembered; the one that guessed longest ago goes first."""

_WAITING: Final = 1_000
"""Guesses that may wait for their answer at the same time."""


@dataclass(frozen=True)
class Pace:
    """How many guesses cost nothing, and how many seconds one may cost."""

    free: int
    most: float

    def delay(self, guesses: int) -> float:
        """Return the seconds that a guess costs after so many: twice as much each time."""
        beyond = guesses - self.free
        return 0.0 if beyond <= 0 else min(0.05 * 2.0 ** min(beyond, 30), self.most)


ADDRESS: Final = Pace(free=10, most=2.0)
EVERYBODY: Final = Pace(free=200, most=1.0)


@dataclass
class _Guesses:
    count: int = 0
    last: float = 0.0

    def add(self) -> int:
        """Count one more; return how many there were of late."""
        now = monotonic()
        if now - self.last > _FORGOTTEN:
            self.count = 0
        self.count, self.last = self.count + 1, now
        return self.count


class GuessedTokens:
    """Slows down those who guess. A token that is good is never slowed by it."""

    def __init__(self, trusted_proxies: int) -> None:
        self._trusted_proxies = trusted_proxies
        self._by_address: OrderedDict[str, _Guesses] = OrderedDict()
        self._all = _Guesses()
        self._waiting = 0

    async def slow_down(self, request: Request) -> None:
        """Let who has shown a token that is none wait.

        Raises Problem(rate_limited) when too many of them wait already.
        """
        delay = max(
            ADDRESS.delay(self._of(address_of(request, self._trusted_proxies)).add()),
            EVERYBODY.delay(self._all.add()),
        )
        if not delay:
            return
        if self._waiting >= _WAITING:
            raise Problem("rate_limited", "Too many unknown tokens are shown here.", retry_after=60)
        self._waiting += 1
        try:
            await sleep(delay)
        finally:
            self._waiting -= 1

    def _of(self, address: str) -> _Guesses:
        found = self._by_address.setdefault(address, _Guesses())
        self._by_address.move_to_end(address)
        if len(self._by_address) > _ADDRESSES:
            self._by_address.popitem(last=False)
        return found


def address_of(request: Request, trusted_proxies: int) -> str:
    """Return who asks: the network of 64 bits of an IPv6 address, which is one customer's.

    Each proxy that is trusted has added whom it was asked by to `X-Forwarded-For`; what stands
    before that, anybody may have written.
    """
    peer = request.client.host if request.client else ""
    told = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    hops = [*(hop.strip() for hop in told if hop.strip()), peer]
    address = hops[max(-1 - trusted_proxies, -len(hops))]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 6:  # noqa: PLR2004 - the protocol
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)

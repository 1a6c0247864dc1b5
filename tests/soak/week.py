"""The portal's side of the week: its people, its clock, and what goes wrong there."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Final

from tests.portal.bots import Bot
from tests.portal.errors import NetworkCut, PortalError
from tests.portal.people import LEDGER, READER, People
from tests.portal.portal import Portal
from tests.soak.afar import Said
from tests.soak.faults import Fault, planned

USER: Final = f"user:{READER}"
BOT: Final = f"bot:{LEDGER}"
BOT_TOKEN: Final = "FAKEBOT_TOKEN_931"  # noqa: S105 - of an invented bot
_LATE_BY: Final = 12.0
_LATE_SHARE: Final = 0.02
"""Of the rows that are written, two in a hundred can be seen only twelve seconds later."""


@dataclass
class Happened:
    """What went wrong, and how often."""

    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    calls: int = 0


class Week:
    """A portal for a time, in which so many events happen and so many things go wrong."""

    def __init__(self, *, events: int, seconds: float, faults: int, seed: int) -> None:
        random = Random(seed)  # noqa: S311 - the same again is what we want
        self.portal = Portal(seed=seed)
        self.people = People(self.portal, random)
        self.portal.queues.subscribe(READER)
        self.portal.add_bot(Bot(LEDGER, BOT_TOKEN))
        self.portal.switches.late_by, self.portal.switches.late_share = _LATE_BY, _LATE_SHARE
        self.credentials = {
            USER: self.portal.add_webhook(READER),
            BOT: self.portal.add_webhook(READER),
        }
        self.happened = Happened()
        self.begin = self.portal.clock.now
        self.end = self.begin + seconds
        self._events = events
        self._step = 1.75 * seconds / events
        self._random = random
        self._plan = planned(random, self.portal.clock.now, seconds, faults)
        self._next_deed = self.portal.clock.now
        self._over_at: list[tuple[float, Callable[[], None]]] = []
        self._well_since = self.begin
        self._doom: Fault | None = None
        self._offsets: dict[str, int] = {}

    @property
    def readers(self) -> dict[str, str]:
        """The receivers, each with the name of its reader in the portal."""
        return {receiver: hook.code for receiver, hook in self.credentials.items()}

    @property
    def written(self) -> int:
        """How many events were written so far, into whichever queue."""
        return sum(len(fate.written) for fate in self.portal.queues.fates.values())

    def live(self, until: float) -> None:
        """Let people do what they do, and go wrong what goes wrong, until then."""
        clock = self.portal.clock
        while self._next_deed <= min(until, self.end) and self.written < self._events:
            clock.advance(self._next_deed - clock.now)
            self._let_it_go_wrong()
            self.people.do()
            self._next_deed += self._step * (0.5 + self._random.random())
        clock.advance(max(0.0, until - clock.now))
        self._let_it_go_wrong()

    def settled(self, seconds: float) -> bool:
        """Whether for so long nothing has happened, and nothing was wrong any more."""
        well = not self._plan and not self._over_at and self._doom is None
        return well and self.portal.clock.now > max(self.end, self._well_since) + seconds

    def serve(self, pipe: Connection, progress: Callable[[], None], settling: float) -> None:
        """Answer those who poll, until they are to be killed, or all has settled for so long."""
        while True:
            said = pipe.recv()
            progress()
            if self.settled(settling):
                return
            acknowledges = self._acknowledges(said)
            doom = self._doom
            strikes = doom is not None and _strikes(doom, said[0], acknowledges)
            if not strikes or (doom and doom.kind == "killed while it works"):
                pipe.send((self.portal.clock.now, self._answer(*said)))
            if strikes:
                time.sleep(self._random.random() * 0.004)  # it works on, by now
                return

    def after_a_kill(self) -> None:
        """Let pass the time in which nobody polls."""
        self.happened.kills += 1
        doom, self._doom = self._doom, None
        if doom is not None:
            self.live(self.portal.clock.now + doom.lasts)
        self._well_since = self.portal.clock.now

    def _answer(self, what: str, *said: Any) -> Any:
        if what == "live":
            self.live(*said)
            return None
        receiver, method, given = said
        params = given | ({"botToken": BOT_TOKEN} if receiver == BOT else {})
        self.happened.calls += 1
        try:
            return Said(answer=self.portal.answer(self.credentials[receiver], method, params))
        except PortalError as error:
            return Said(refusal=(error.status, error.code, error.description))
        except NetworkCut:
            return Said()

    def _acknowledges(self, said: tuple[Any, ...]) -> bool:
        """Say whether a call has a larger offset than every one before it."""
        if said[0] != "call":
            return False
        _, receiver, _, params = said
        offset = int(params.get("offset") or 0)
        larger = offset > self._offsets.get(receiver, 0)
        if larger:
            self._offsets[receiver] = offset
        return larger

    def _let_it_go_wrong(self) -> None:
        now = self.portal.clock.now
        if now > self.end:  # what did not find its moment never will
            self._plan, self._doom = [], None
        for each in [each for each in self._over_at if each[0] <= now]:
            each[1]()
            self._over_at.remove(each)
        if self._doom is None and self._plan and self._plan[0].at <= now:
            self._begin(self._plan.pop(0))

    def _begin(self, fault: Fault) -> None:
        self.happened.faults[fault.kind] += 1
        match fault.kind:
            case "network lost":
                self.portal.switches.network = "cut_before"
            case "answers lost":
                self.portal.switches.network = "cut_after"
            case "rate limited":
                self.portal.limits.per_second, self.portal.limits.burst = 0.02, 1
            case "time budget spent":
                self.portal.limits.cost = 100.0
            case "robbed by another reader":
                for receiver in (USER, BOT):
                    self.portal.steal(receiver)
                return
            case _:
                self._doom = fault
                return
        self._over_at.append((fault.at + fault.lasts, self._mend))

    def _mend(self) -> None:
        self.portal.switches.network = "up"
        self.portal.limits.per_second, self.portal.limits.cost = None, 0.0
        self._well_since = self.portal.clock.now


def _strikes(doom: Fault, what: str, acknowledges: bool) -> bool:  # noqa: FBT001 - a fact
    """Say whether this is the moment to kill those who ask."""
    match doom.kind:
        case "killed between append and acknowledgement":
            return acknowledges
        case "killed at a call" | "killed while it works":
            return what == "call"
        case _:
            return True

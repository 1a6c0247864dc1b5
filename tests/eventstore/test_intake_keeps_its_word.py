"""Promise 2 while the log is away: whatever happens, what was answered for is in the log, in order.

The log fails, hangs, or takes events and does not say so; the server is stopped, or killed at any
moment, also between the log's commit and the spool's.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventstore.errors import StoreUnavailable
from eventstore.intake import Intake, Patience
from eventstore.log import Origin, Outcome, Pending
from eventstore.spool import spool_path
from eventstore.spool_depth import Depth, look_into
from tests.eventstore.factories import ORIGIN, OTHER, new
from tests.eventstore.fake_log import Answer, FakeLog
from tests.eventstore.spooling import ORIGINS, opened

IMPATIENT = Patience(caller=0.005, batch=0.005)


class Killed(BaseException):
    """The process is gone."""


class Answered(NamedTuple):
    """An event that was answered for, and when: moments count up."""

    portal_id: int
    key: str
    sent: int
    answered: int


class Server:
    """An intake with its spool, in one process after another, before one log."""

    def __init__(self, answers: Sequence[Answer], folder: Path) -> None:
        self.log = FakeLog(*answers)
        self.answered: list[Answered] = []
        self._folder = folder
        self._moment = 0
        self._sent = 0

    async def start(self) -> None:
        """Open what the process before has left."""
        self._open = AsyncExitStack()
        self.spool = await self._open.enter_async_context(opened(self._folder))
        assert self.spool.depths() == look_into(spool_path(self._folder))
        self._intake = Intake(
            self.log.append,
            self.spool,
            origins=lambda: ORIGINS,
            drained=lambda _batch, _outcomes: None,
            patience=IMPATIENT,
        )

    async def stop(self) -> None:
        """End as an operator ends it."""
        await self._open.aclose()

    async def die(self) -> None:
        """End with no chance to do anything: what follows sees the files as they are now."""
        self._left_behind()
        await self.stop()

    def _left_behind(self) -> None:
        after = self._folder.with_name(f"{self._folder.name}+")
        if not after.exists():
            shutil.copytree(self._folder, after)

    async def restart(self) -> None:
        """Go on with what is there."""
        after = self._folder.with_name(f"{self._folder.name}+")
        self._folder = after if after.exists() else self._folder
        await self.start()

    async def send(self, *origins: Origin) -> None:
        """Bring a batch, one event for each origin."""
        self._moment += 1
        sent = self._moment
        batch = []
        for origin in origins:
            self._sent += 1
            batch.append(Pending(origin, new(f"webhook:{self._sent}")))
        await self._intake.append(batch)
        self._moment += 1
        for origin, event in batch:
            self.answered.append(Answered(origin.portal_id, event.key, sent, self._moment))

    async def drain(self, *, dying: bool = False) -> None:
        """Drain once; on the way, perhaps, die between the log's commit and the spool's."""

        async def append(batch: Sequence[Pending]) -> Sequence[Outcome]:
            outcomes = await self._intake._to_log(batch)  # noqa: SLF001 - without its pauses
            if dying:
                self._left_behind()
                raise Killed
            return outcomes

        try:
            await self.spool.drain(append, ORIGINS.get)
        except (StoreUnavailable, OSError):
            pass
        except Killed:
            await self.die()
            await self.restart()

    async def settle(self) -> None:
        """Let the log answer, and drain all."""
        self.log.answers.clear()
        await self.drain()
        self.log.recovered.set()
        await asyncio.sleep(0)
        assert self.spool.depth() == Depth()


Step = tuple[str, list[list[Origin]]]

batches = st.lists(st.sampled_from((ORIGIN, OTHER)), min_size=1, max_size=3)
sends = st.tuples(st.just("send"), st.lists(batches, min_size=1, max_size=3))
happenings: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from(("drain", "drain and die", "die", "stop", "recover")), st.just([])
)


@settings(max_examples=60)
@given(
    steps=st.lists(sends | happenings, min_size=3, max_size=12),
    answers=st.lists(
        st.sampled_from(("takes", "is away", "loses its answer", "hangs", "lands late")),
        max_size=12,
    ),
)
@example(  # the second is answered for by the log while the first waits in the spool
    steps=[("send", [[ORIGIN]]), ("drain and die", []), ("send", [[ORIGIN]])], answers=["is away"]
)
@example(
    steps=[("send", [[ORIGIN]]), ("send", [[ORIGIN]]), ("recover", []), ("drain", [])],
    answers=["lands late", "is away"],
)
async def test_what_was_answered_for_is_in_the_log_once_and_in_order(
    steps: list[Step], answers: list[Answer]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(answers, Path(folder) / "spool")
        await server.start()
        for step in steps:
            await _do(server, step)
        await server.settle()
        await server.stop()

    _assert_kept(server)


async def _do(server: Server, step: Step) -> None:
    match step:
        case ("send", batches):
            # One caller after another where there is one, else all together.
            await asyncio.gather(*(server.send(*origins) for origins in batches))
        case ("drain", _):
            await server.drain()
        case ("drain and die", _):
            await server.drain(dying=True)
        case ("die", _):
            await server.die()
            await server.restart()
        case ("stop", _):
            await server.stop()
            await server.restart()
        case _:
            late, server.log.recovered = server.log.recovered, asyncio.Event()
            late.set()
            await asyncio.sleep(0)


def _assert_kept(server: Server) -> None:
    for portal_id in ORIGINS:
        landed = server.log.landed[portal_id]
        mine = [answer for answer in server.answered if answer.portal_id == portal_id]
        assert sorted(landed) == sorted(answer.key for answer in mine)
        for a, b in combinations(mine, 2):
            first, second = (a, b) if a.sent < b.sent else (b, a)
            if first.answered < second.sent:
                assert landed.index(first.key) < landed.index(second.key)

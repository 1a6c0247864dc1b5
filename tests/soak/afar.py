"""The portal as those see it who are in another process: a pipe, through which time comes too."""

from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from eventstore.fetching.bitrix24 import answer_of
from eventstore.fetching.portal_client import Answer, Unreachable
from tests.portal.client import understood
from tests.portal.errors import PortalError


class Said(NamedTuple):
    """The answer to a call, the refusal (status, code, description), or nothing."""

    answer: dict[str, Any] | None = None
    refusal: tuple[int, str, str] | None = None


class Afar:
    """The pipe. Every answer tells what time it is there."""

    def __init__(self, pipe: Connection, now: float) -> None:
        self._now = now
        self._pipe = pipe

    @property
    def now(self) -> float:
        """The portal's clock, as it was last told."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let so much time pass there."""
        self.live(self.now + seconds)

    def live(self, until: float) -> None:
        """Let people do what they do until then."""
        self._ask("live", until)

    def call(self, receiver: str, method: str, params: Mapping[str, Any]) -> Said:
        """Call a method as a receiver's connection."""
        said: Said = self._ask("call", receiver, method, dict(params))
        return said

    def _ask(self, *said: Any) -> Any:
        self._pipe.send(said)
        self._now, answer = self._pipe.recv()
        return answer


class AfarClient:
    """A `PortalClient` of one connection."""

    def __init__(self, afar: Afar, receiver: str) -> None:
        self._afar = afar
        self._receiver = receiver

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """Call a method. Raises what Chronicle's own client raises."""
        said = self._afar.call(self._receiver, method, params)
        if said.answer is not None:
            return answer_of(method, said.answer, int(self._afar.now * 1_000_000))
        if said.refusal is not None:
            raise understood(method, PortalError(*said.refusal))
        raise Unreachable(f"{method}: no connection")

    async def close(self) -> None:
        """There is nothing to close."""

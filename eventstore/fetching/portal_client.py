"""How a portal is asked: one method, one answer, or one of the reasons why there is none."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from eventstore.errors import EventstoreError
from eventstore.event import Instant


class Answer(NamedTuple):
    """What a portal answered.

    `at` is the portal's clock when it began to answer (`time.date_start`); ours, where it does not
    say. `next` and `total` are those of a list that goes on. `operating` is how many seconds the
    method has worked for us in the portal's window of ten minutes, which ends at
    `operating_reset_at`: None where the portal does not say.
    """

    result: Any
    at: Instant
    next: int | None = None
    total: int | None = None
    operating: float | None = None
    operating_reset_at: Instant | None = None


class PortalError(EventstoreError):
    """A portal did not answer a call. The message names method and code, never what was sent."""


class AuthFailed(PortalError):
    """The credentials are not good, not good any more, or lack a right."""


class NotSubscribed(PortalError):
    """The user's events are not written down: nobody subscribed to them."""


class BotNotFound(PortalError):
    """The bot is not there, or is another application's."""


class RateLimited(PortalError):
    """The portal wants to be asked less. `retry_after` is in seconds, None where it does not say.

    With `budget`, the method has worked for too long: less often does not help before the window
    of ten minutes ends.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, budget: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.budget = budget


class Unreachable(PortalError):
    """Nothing came back that is an answer: no connection, no time left, an error of the portal."""


class Refused(PortalError):
    """The portal refused the call for a reason of its own, which `code` names: `ACCESS_ERROR`."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class PortalClient(Protocol):
    """Asks one portal, as one user or one bot."""

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """Call a method once, and what the client itself retries. Raises PortalError.

        Values of `params` are JSON; a bot's token is added where the method takes one.
        """

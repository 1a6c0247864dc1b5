"""Connections within bounds: of the time that a request takes to come, and of their number."""

import asyncio
import resource
from typing import Any, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_log = structlog.get_logger()

_MAX_HEADER: Final = 2**16
"""Bytes of a header or of trailers, give or take what is read at once. The parser has no bound."""

_MOST: Final = 10_000
"""Connections, however many descriptors there are."""

_RESERVE: Final = 256
"""Descriptors for the files of the store and for connections that come all at once."""

_UNREAD: Final = 30.0
"""Seconds in which who is being answered must read something of it."""

_SILENCE: Final = 60.0
"""Seconds from one warning to the next."""


class Connections:
    """The connections of one server: what they share, and how many there may be.

    `deadline` is in seconds, `unread` too. Beyond what the descriptors allow, the one that has been
    without a request for the longest is cut off: it has done the least, and has the least to lose.
    """

    def __init__(self, deadline: float, unread: float = _UNREAD) -> None:
        self.deadline = deadline
        self.unread = unread
        self.waiting: dict[Connection, None] = {}  # in the order in which they began to wait
        self._most = _affordable()
        self._next_warning = 0.0

    def protocol(self, **arguments: Any) -> "Connection":
        """Make the protocol of a connection: to uvicorn, this is its class."""
        return Connection(self, **arguments)

    def make_room(self, newest: "Connection") -> None:
        """Cut one off if there are too many: the newest itself, if all others have requests."""
        if len(newest.connections) <= self._most:
            return
        next(iter(self.waiting), newest).cut_off()
        now = newest.loop.time()
        if now >= self._next_warning:
            self._next_warning = now + _SILENCE
            _log.warning(
                "too many connections: those without a request are cut off", most=self._most
            )


class Connection(HttpToolsProtocol):
    """A connection that is cut off when it keeps the server waiting.

    From the connection, or from the first byte of a later request, its header must be complete
    within the deadline; so must what is left of a body that was answered before its end. While
    a request is being answered, the deadline rests: there, the body has one of its own. Who reads
    nothing of an answer for a while, of which more waits, is cut off too.
    """

    def __init__(self, connections: Connections, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._all = connections
        self._more = True  # whether the sender owes us more of a request
        self._overhead = 0  # bytes since the last end of a header or piece of a body
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._watch()
        self._all.make_room(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        super().connection_lost(exc)
        self._step(more=False)
        self._expect_no_reading()
        self._all.waiting.pop(self, None)

    def pause_writing(self) -> None:
        """Expect that something is read of what waits to be sent."""
        super().pause_writing()
        self._expect_reading(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Go on: most was read."""
        super().resume_writing()
        self._expect_no_reading()

    def data_received(self, data: bytes) -> None:
        """Take some bytes, the first of a request or more of them."""
        self._begin()
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > _MAX_HEADER:
            self.cut_off()
        self._watch()

    def on_message_begin(self) -> None:
        """Expect a header, also of a request that came together with the one before."""
        super().on_message_begin()
        self._begin()

    def on_headers_complete(self) -> None:
        """Expect a body; who answers the request says for how long."""
        super().on_headers_complete()
        self._step(more=True)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, which has bounds of its own."""
        super().on_body(body)
        self._overhead = 0

    def on_message_complete(self) -> None:
        """Expect nothing until the next request begins."""
        super().on_message_complete()
        self._step(more=False)

    def on_response_complete(self) -> None:
        """Expect the rest of a request that was answered early."""
        super().on_response_complete()
        self._watch()

    def cut_off(self) -> None:
        """Close it now: one that waits for its sender to read might never close."""
        self._all.waiting.pop(self, None)
        self.transport.abort()

    def _expect_reading(self, waiting: int) -> None:
        self._unread = self.loop.call_later(self._all.unread, self._look_whether_read, waiting)

    def _expect_no_reading(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _look_whether_read(self, waiting: int) -> None:
        if (waits := self.transport.get_write_buffer_size()) < waiting:
            self._expect_reading(waits)
        else:
            self.cut_off()

    def _begin(self) -> None:
        if not self._more:
            self._step(more=True)

    def _step(self, *, more: bool) -> None:
        """Note that the sender got one step further: time and bytes count anew."""
        self._more, self._overhead = more, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """Let the deadline run if the next move is the sender's."""
        if self.transport.is_closing():
            return
        # uvicorn's types do not know that there is no cycle at first
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._all.waiting.pop(self, None)
            return
        self._all.waiting.setdefault(self)
        if self._more and self._timer is None:
            self._timer = self.loop.call_later(self._all.deadline, self.cut_off)


def _affordable() -> int:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return _MOST
    return min(_MOST, max(descriptors - _RESERVE, descriptors // 2))

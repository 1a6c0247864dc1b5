"""Mutants of what cuts off slow senders, as tests.faults.mutants lists them."""

from typing import Final

from tests.faults.mutants import Mutant

_T: Final = "tests/faults/test_slow_senders.py::"
_C: Final = "scripts/connections.py"
_HEADER: Final = f"{_T}test_a_header_is_cut_off_at_its_deadline"
_BODY: Final = f"{_T}test_a_body_is_answered_408_and_cut_off"
_BEHIND: Final = f"{_T}test_what_is_left_behind_an_answer_is_cut_off_too"
_IDLE: Final = f"{_T}test_a_connection_that_is_idle_between_requests_stays"
_MORE: Final = f"{_T}test_more_connections_than_descriptors_cost_only_those_without_a_request"

MUTANTS_SLOW_SENDERS: Final = (
    Mutant(
        "no deadline for a header",
        _C,
        "            self._timer = self.loop.call_later(self._all.deadline, self.cut_off)\n",
        "            pass\n",
        f"{_HEADER}[half a header]",
    ),
    Mutant(
        "every byte begins the deadline anew",
        _C,
        "        if not self._more:\n            self._step(more=True)\n",
        "        self._step(more=True)\n",
        f"{_HEADER}[a header byte by byte]",
    ),
    Mutant(
        "only the first request has a deadline",
        _C,
        "            self.cut_off()\n        self._watch()\n",
        "            self.cut_off()\n",
        f"{_HEADER}[half a header on a used connection]",
    ),
    Mutant(
        "a body has no deadline",
        "api/bodies.py",
        "asyncio.timeout(settings.body_deadline)",
        "asyncio.timeout(None)",
        f"{_BODY}[half a body]",
    ),
    Mutant(
        "after 408 the connection stays",
        "api/problems.py",
        'headers["Connection"] = "close"',
        'headers["Connection"] = "keep-alive"',
        f"{_BODY}[a body byte by byte]",
    ),
    Mutant(
        "a body that nobody reads has no deadline",
        _C,
        "        super().on_response_complete()\n        self._watch()\n",
        "        super().on_response_complete()\n",
        f"{_BEHIND}[half a body for nobody]",
    ),
    Mutant(
        "an idle connection has the deadline of a request",
        _C,
        "        if self._more and self._timer is None:\n",
        "        if self._timer is None:\n",
        f"{_IDLE}",
    ),
    Mutant(
        "any number of connections",
        _C,
        "        if len(newest.connections) <= self._most:\n",
        "        if len(newest.connections) <= 10 * self._most:\n",
        f"{_MORE}",
    ),
    Mutant(
        "the newest connection is the one to go",
        _C,
        "        next(iter(self.waiting), newest).cut_off()\n",
        "        newest.cut_off()\n",
        f"{_MORE}",
    ),
)

"""Appending under strace: what the child said, and which calls it made for that."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.faults import strace, work
from tests.faults.checks import acknowledged_in
from tests.faults.children import child
from tests.faults.stores import Store
from tests.faults.strace import Call


class Appended(NamedTuple):
    """How a child ended that was to append events one by one."""

    status: int | None
    said: list[str]
    calls: list[Call]

    @property
    def acknowledged(self) -> dict[str, int]:
        """The positions of what was appended, by key."""
        return acknowledged_in(self.said)

    @property
    def refused(self) -> set[str]:
        """The keys of what was not."""
        return {line.removeprefix("FAIL ") for line in self.said if line.startswith("FAIL ")}


def append(
    store: Store, numbers: Sequence[int], trace: Path, *options: str, reopen_after: int = 3
) -> Appended:
    """Append these events in a child, of which two threads are traced.

    One writes the log, the other one acknowledges. After some commits the log is closed and
    opened again, so that a fault can strike recovery and checkpoints, too.
    """
    with child(work.append, store, numbers, reopen_after) as appending:
        writer = int(appending.line().removeprefix("WRITER "))
        with strace.traced([writer, appending.pid], trace, *options):
            appending.go_on()
            said = list(appending.lines())
    return Appended(appending.status, said, strace.calls(trace))


def places(calls: Sequence[Call], names: Sequence[str]) -> list[tuple[str, int]]:
    """Name every call of such a run as strace does when it strikes: it counts by thread."""
    counts = Counter((call.thread, call.name) for call in calls)
    most = {name: max(n for (_, of), n in counts.items() if of == name) for _, name in counts}
    return [(name, n) for name in names for n in range(1, most.get(name, 0) + 1)]

"""Thousands of invented histories: what witnesses tell of them, and what `agree` makes of that."""

from itertools import groupby
from random import Random
from typing import Final, NamedTuple

import pytest

from projections.agree import CHANGE, POSTING, Entry, Report, agree, close_up
from tests.projections.factories import SECOND, START, fact

HISTORIES: Final = 10_000
QUEUES: Final = ("bot:571", "bot:9", "user:27")
WEBHOOKS: Final = ("app", "bot:12", "bot:8")


class Change(NamedTuple):
    """What really happened: a posting or an edit, at a moment that no clock shows exactly."""

    rank: int
    at: int
    text: str


class History(NamedTuple):
    """A message's life, and what became known of it."""

    truth: list[Change]
    reports: list[Report]
    observations: list[Report]

    @property
    def qualifies(self) -> bool:
        """Whether queues together reported every edit, and anybody the posting.

        Then the chain must be the truth: the order of queue items is the true order.
        """
        known = {
            report.fact.message_id
            for report in self.reports
            if report.sequence is not None or report.rank == POSTING
        }
        return known == set(range(len(self.truth)))

    @property
    def texts(self) -> list[str]:
        """The texts that the message had, neighbours closed up."""
        return [text for text, _ in groupby(change.text for change in self.truth)]


def lived(random: Random) -> History:
    """Invent a history, and witnesses that drop, repeat, delay, and see only a part of it."""
    truth = _truth(random)
    queues = random.sample(QUEUES, random.choice((0, 1, 1, 2, 2, 3)))
    webhooks = random.sample(WEBHOOKS, random.choice((0, 0, 1, 1, 2, 3)))
    reports: list[Report] = []
    sequence = random.randrange(1_000)
    lost = random.choice((0, 0.1, 0.3, 0.6))
    blind = {witness: _blind(random, len(truth)) for witness in queues + webhooks}
    for number, change in enumerate(truth):
        for witness in random.sample(queues, len(queues)):
            sequence += random.randrange(1, 4)
            if number in blind[witness] or random.random() < lost:
                continue
            # the queue's clock: whole seconds, the same for every queue
            at = change.at // SECOND * SECOND if change.rank else truth[0].at
            report = _report(number, change, at, witness, sequence)
            reports += [report] * random.choice((1, 1, 1, 2))
        for witness in webhooks:
            if number in blind[witness] or random.random() < lost:
                continue
            for _ in range(random.choice((1, 1, 1, 1, 2, 3))):
                skew = random.choice((0, 1, -1, 2, -2)) * SECOND
                late = random.choice((0, 0, 0, 1, 5, random.randrange(60))) * SECOND
                at = (change.at + skew + late) // SECOND * SECOND
                report = _report(number, change, at, witness, None)
                reports += [report] * random.choice((1, 1, 2))
    return History(truth, reports, _sights(random, truth) + _snapshots(random, truth))


def _truth(random: Random) -> list[Change]:
    """Make up a posting, and edits that come back to a few texts: within a second or days apart."""
    texts = "ABCD"[: random.randrange(2, 5)]
    changes = [Change(POSTING, START, random.choice(texts))]
    at = START
    for _ in range(random.choice((0, 1, 2, 3, 4, 6, 9, 14))):
        at += random.choice(
            (0, 1, 200_000, SECOND, 3 * SECOND, 30 * SECOND, 100 * SECOND, 3600 * SECOND)
        )
        changes.append(Change(CHANGE, at, random.choice(texts)))
    return changes


def _blind(random: Random, changes: int) -> set[int]:
    """Choose what a witness cannot see: nothing, the beginning, the end, or a stretch."""
    start, end = sorted((random.randrange(changes + 1), random.randrange(changes + 1)))
    return set(
        random.choice((range(0), range(0), range(start), range(end, changes), range(start, end)))
    )


def _sights(random: Random, truth: list[Change]) -> list[Report]:
    """See the text on reactions, when it was in force."""
    sights = []
    for number, change in enumerate(truth):
        if random.random() < 0.2:
            end = truth[number + 1].at if number + 1 < len(truth) else change.at + 3600 * SECOND
            at = random.randint(change.at, end) // SECOND * SECOND
            seen = Change(CHANGE, at, change.text)
            sights.append(_report(number, seen, at, "user:27", random.randrange(10_000, 20_000)))
    return sights


def _snapshots(random: Random, truth: list[Change]) -> list[Report]:
    """Read the text over REST, when it was in force, by the portal's clock of whole seconds."""
    snapshots = []
    for _ in range(random.choice((0, 0, 1, 2, 4))):
        at = random.randint(truth[0].at, truth[-1].at + 3600 * SECOND) // SECOND * SECOND
        number = max((n for n, change in enumerate(truth) if change.at <= at), default=0)
        text, witness = truth[number].text, random.choice(("user:27", "user:31"))
        told = fact("message_observed", message_id=number, text=text, basis="rest_snapshot")
        snapshots.append(Report(CHANGE, at, None, witness, text, told, {}))
    return snapshots


def _report(number: int, change: Change, at: int, witness: str, sequence: int | None) -> Report:
    """Tell of a change; the fact's message id says which one it truly was."""
    of_change = fact("message_edited", message_id=number, text=change.text)
    return Report(change.rank, at, sequence, witness, change.text, of_change, {})


def told(chain: list[Entry]) -> list[tuple[object, ...]]:
    """What a chain says, positions aside."""
    return [
        (
            entry.rank,
            entry.at,
            entry.text,
            frozenset(r.witness for r in entry.reports),
            entry.observed,
            entry.read,
            entry.after,
        )
        for entry in chain
    ]


@pytest.fixture(scope="module")
def histories() -> list[History]:
    return [lived(Random(seed)) for seed in range(HISTORIES)]  # noqa: S311  (no secret is made)


def test_the_chain_never_depends_on_order_or_repetition(histories: list[History]) -> None:
    random = Random(0)  # noqa: S311
    for history in histories:
        expected = told(agree(history.reports, history.observations))
        again = history.reports + random.choices(history.reports, k=3) if history.reports else []
        seen = history.observations * 2
        random.shuffle(again)
        random.shuffle(seen)

        assert told(agree(again, seen)) == expected


def test_the_chain_is_the_truth_when_the_queues_together_saw_every_edit(
    histories: list[History],
) -> None:
    qualifying = [history for history in histories if history.qualifies]

    wrong = [
        history
        for history in qualifying
        if [e.text for e in close_up(agree(history.reports, history.observations))] != history.texts
    ]

    assert sum(len(history.truth) > 1 for history in qualifying) >= 3_000
    assert not wrong

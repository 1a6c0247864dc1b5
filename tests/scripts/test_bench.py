"""The benchmark runs on both engines, and refuses wrong answers. No test here looks at a clock."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eventstore.body import parse_body
from eventstore.store import Store as Place
from scripts.bench.events import generate, webhooks
from scripts.bench.measures import Measure, Round, WrongAnswer, percentile
from scripts.bench.report import as_json
from scripts.bench.store import Store, check_log, fill, identities, new_store
from tests.engines import damage

ROOT = Path(__file__).parents[2]


def test_the_same_seed_makes_the_same_events_and_no_two_are_alike() -> None:
    events = list(generate(2_000, seed=3))

    assert events == list(generate(2_000, seed=3))
    assert len(set(events)) == len(events)
    assert events != list(generate(2_000, seed=4))


def test_events_are_of_all_families_and_kinds_and_of_the_promised_size() -> None:
    events = list(generate(20_000, seed=3))

    trees = [json.loads(event) for event in events]
    types = Counter(tree.get("type") or tree["event"] for tree in trees)
    assert len(types) == 19  # all of the catalogue but ONIMBOTCONTEXTGET, which has no page
    assert 1_100 < sum(map(len, events)) / len(events) < 1_300


def test_webhooks_are_forms_that_a_portal_could_send() -> None:
    for body in webhooks(100, seed=3):
        tree = parse_body(body)

        assert tree["event"].startswith("ONIM")
        assert tree["auth"]["application_token"]


async def _filled(fresh: Place, lines: list[bytes]) -> Store:
    store = await new_store(fresh)
    await fill(store, iter(lines))
    return store


async def test_a_faithful_log_is_right(fresh: Place) -> None:
    lines = list(generate(50, seed=3))

    store = await _filled(fresh, lines)

    await check_log(store, identities(lines))


@pytest.mark.parametrize("order", ["lost", "twice", "swapped"])
async def test_a_log_that_is_not_what_was_sent_is_a_wrong_answer(fresh: Place, order: str) -> None:
    sent = list(generate(50, seed=3))
    kept = {
        "lost": sent[:-1],
        "twice": [*sent[:25], *generate(1, seed=9), *sent[25:]],
        "swapped": [sent[1], sent[0], *sent[2:]],
    }[order]

    store = await _filled(fresh, kept)

    with pytest.raises(WrongAnswer):
        await check_log(store, identities(sent))


async def test_a_damaged_byte_is_a_wrong_answer(fresh: Place) -> None:
    lines = list(generate(5, seed=3))
    store = await _filled(fresh, lines)
    add_a_space = "UPDATE event SET payload = payload || ' ' WHERE position = 3"
    await damage(store.place.log, add_a_space)

    with pytest.raises(WrongAnswer, match="3"):
        await check_log(store, identities(lines))


def measured(*figures: float, **goals: Any) -> Measure:
    return Measure("SQLite", "append", "events/s", figures, **goals)


def test_a_goal_is_met_by_the_median_and_by_its_ratio_to_others() -> None:
    floors = {900: 2_000, 1_300: 2_600, 1_500: 4_000}
    rounds = [Round(figure, {"floor": floor}) for figure, floor in floors.items()]
    measure = Measure.of_rounds("SQLite", "append", "events/s", rounds, of={"floor": 0.5})

    (floor,) = measure.beside
    assert (measure.figure, floor.figure, measure.ratio(floor)) == (1_300, 2_600, 0.5)
    assert measure.met
    assert not Measure.of_rounds("SQLite", "append", "", rounds, of={"floor": 0.51}).met
    assert measured(900, 1_300, 1_500, at_least=1_300).met
    assert not measured(900, 1_300, 1_500, at_least=1_301).met
    assert not measured(301, at_most=300).met


def test_rounds_that_do_not_agree_are_refused() -> None:
    steady = measured(90, 95, 100, 105, 200, at_least=1)
    shaken = measured(70, 80, 100, 120, 130, at_least=1)

    assert (steady.spread, steady.verdict) == (0.1, "yes")
    assert (shaken.spread, shaken.verdict) == (0.4, "refused")
    assert measured(1, at_least=2).verdict == "NO"
    assert not measured(1).verdict


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile(range(1, 101), 0.99) == 100
    assert percentile([3, 1, 2], 0.5) == 2


@pytest.mark.long
def test_it_runs_and_reports() -> None:
    """The rest of it is run by CI: it takes a minute."""
    command = [sys.executable, "-m", "scripts.bench", "--quick", "--no-peers", "--only", "append"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("append, 32 callers") == 2, "once on each engine"
    assert "append measured" in done.stderr


def test_figures_can_be_spelled_for_a_program() -> None:
    rounds = [Round(2, {"floor": 4})]
    measure = Measure.of_rounds("SQLite", "append", "events/s", rounds, at_least=1)

    (spelled,) = as_json([measure], {"commit": "1"})["measures"]

    assert (spelled["median"], spelled["met"], spelled["refused"]) == (2, True, False)
    assert spelled["beside"] == [{"name": "floor", "median": 4, "rounds": [4], "ratio": 0.5}]

"""The demo: interesting answers, a store that verifies, and a second run that changes nothing.

It has an embedded store of its own, whatever engine is configured.
"""

import asyncio
import socket
from pathlib import Path

import pytest

from eventstore.store import Store
from tests.scripts.conftest import Command


@pytest.fixture
def demo(anywhere: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the demo, which the other commands then look at."""
    monkeypatch.setenv("CHRONICLE_DATABASE", f"sqlite:///{tmp_path / 'demo'}")
    return tmp_path / "demo"


def test_it_answers_three_questions_and_changes_nothing_when_run_again(
    anywhere: Command, demo: Path
) -> None:
    first = anywhere("demo", "--port", "0", "--data", demo, "--exit")
    before = anywhere("status", "--json").json
    again = anywhere("demo", "--port", "0", "--data", demo, "--exit")

    assert (first.status, again.status) == (0, 0)
    for said in ("Tuesday 18:00", "Wednesday 18:00", "Wednesday 20:00", "Hanna Lind"):
        assert said in first.out
    assert first.out.count("curl") == 3
    assert first.out.count("chronicle_") == 4  # the token, and once in each request
    assert before[0]["lag"] == before[0]["undecoded"] == before[0]["quarantined"] == 0
    assert anywhere("status", "--json").json == before
    assert answers(again.out) == answers(first.out)
    assert anywhere("verify").status == 0


def answers(out: str) -> list[str]:
    """What is printed, without addresses and tokens."""
    return [line for line in out.splitlines() if "http" not in line and "token" not in line]


def test_it_leaves_the_configured_store_alone(
    chronicle: Command, fresh: Store, tmp_path: Path
) -> None:
    shown = chronicle("demo", "--port", "0", "--data", tmp_path / "elsewhere", "--exit")

    assert shown.status == 0
    assert not asyncio.run(fresh.log.exists())
    assert not asyncio.run(fresh.catalog.exists())
    assert not fresh.secret_key.exists()


def test_a_port_that_is_taken_is_one_line(anywhere: Command, demo: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = anywhere("demo", "--port", port, "--data", demo, "--exit")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert port in refused.err


def test_a_simulated_portal_is_polled_and_what_it_tells_is_shown(
    anywhere: Command, demo: Path
) -> None:
    shown = anywhere("demo", "--portal", "simulated", "--port", "0", "--data", demo, "--exit")

    assert shown.status == 0, shown.err
    assert "ONIMV2MESSAGEADD" in shown.out
    assert shown.out.count("curl") == 4


def test_without_the_source_tree_there_is_no_simulated_portal(
    anywhere: Command, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.simulated._ROOT", demo)

    refused = anywhere("demo", "--portal", "simulated", "--port", "0", "--data", demo)

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "source tree" in refused.err

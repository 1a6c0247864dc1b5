"""Progress: silent at first, then how much, how fast, how long."""

import pytest

from scripts import progress
from scripts.progress import Progress


class Clock:
    """Stands for the time module: a second is what we say."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_short_work_says_nothing(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    with Progress("events", 100) as shown:
        clock.now = 0.9
        shown.at(100)

    assert capfd.readouterr().err == ""


def test_without_a_terminal_there_is_a_line_every_five_seconds(
    clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    with Progress("events") as shown:
        for second in range(1, 12):
            clock.now = float(second)
            shown.at(second * 1_000, 20_000)

    assert capfd.readouterr().err.splitlines() == [
        "5,000/20,000 events, 1,000/s, 15 s left",
        "10,000/20,000 events, 1,000/s, 10 s left",
    ]


def test_an_unknown_total_has_no_time_left(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    with Progress("lines") as shown:
        clock.now = 5.0
        shown.at(50)

    assert capfd.readouterr().err == "50 lines, 10/s\n"


def test_a_terminal_gets_a_bar(
    clock: Clock, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")

    with Progress("events", 100) as shown:
        clock.now = 2.0
        shown.at(50)
        shown.say("line 7: [b]bad[/b]")

    err = capfd.readouterr().err
    assert "50/100" in err
    assert "line 7: [b]bad[/b]" in err

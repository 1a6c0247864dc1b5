"""`chronicle report`: five questions to a portal's history, drawn on one page."""

from importlib import resources
from pathlib import Path

import pytest

from tests.engines import postgresql_takes_long
from tests.pages import check_it_is_by_itself, page
from tests.scripts.conftest import Command

pytestmark = postgresql_takes_long


@pytest.fixture
def demo(chronicle: Command, acme: str) -> Command:
    """The demo's queue."""
    queue = Path(str(resources.files("scripts") / "samples" / "queue.ndjson"))
    assert chronicle("import", queue, "--portal", "acme", "--receiver", "user:58").status == 0
    assert chronicle("rebuild").status == 0
    return chronicle


def test_a_portal_is_drawn_and_nothing_else_is_left(demo: Command, tmp_path: Path) -> None:
    out = tmp_path / "pages" / "report.html"
    made = demo("report", "--portal", "acme", "--out", out, "--zone", "Europe/Moscow")

    assert made.status == 0, made.err
    read = page(out.read_text())
    check_it_is_by_itself(read)
    assert len(read.all("svg")) == 5
    assert "Priya Nair: 3 of 4" in read.text  # the fourth is a command
    said = read.one("header").text
    assert "between 2026-09-14 07:00:00 UTC and 2026-09-14 08:59:30 UTC, with 1 hole" in said
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_an_export_that_is_there_gives_the_same_charts(demo: Command, tmp_path: Path) -> None:
    asked = ("report", "--portal", "acme", "--out")
    assert demo("export", "--portal", "acme", "--to", tmp_path / "history").status == 0
    assert demo(*asked, tmp_path / "a.html", "--from", tmp_path / "history").status == 0
    assert demo(*asked, tmp_path / "b.html").status == 0

    given, made = (page((tmp_path / name).read_text()) for name in ("a.html", "b.html"))
    assert given.one("main") == made.one("main")


def test_a_portal_of_which_nothing_is_known_says_so(
    chronicle: Command, acme: str, tmp_path: Path
) -> None:
    assert chronicle("rebuild").status == 0

    assert chronicle("report", "--portal", "acme", "--out", tmp_path / "r.html").status == 0

    read = page((tmp_path / "r.html").read_text())
    assert read.all("svg") == []
    assert len(read.all("p", of_class="nothing")) == 5
    assert "No queue of the portal was watched" in read.one("header").text


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--out", "r.html", "--zone", "Mars/Olympus"), 2, "no such zone"),
        (("--out", "."), 2, "it is a folder"),
        (("--out", "r.html", "--from", "nowhere"), 1, "has no complete.json"),
        (("--out", "/dev/null/r.html"), 1, "/dev/null"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_line(
    demo: Command, tmp_path: Path, arguments: tuple[str, ...], status: int, says: str
) -> None:
    refused = demo("report", "--portal", "acme", *arguments)

    assert refused.status == status
    assert says in refused.err
    assert status == 2 or refused.err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()

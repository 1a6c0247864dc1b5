"""An export that is killed at any moment goes on, and ends as if nothing had happened."""

import hashlib
import os
import signal
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic_core import from_json

from eventstore.catalog import Catalog
from eventstore.directory import Portal
from eventstore.store import Store
from projections.generations import prepare_generation
from tests.engines import environment
from tests.faults.checks import Found
from tests.faults.children import Voice, child
from tests.faults.commands import become, command, seconds_of
from tests.faults.lengths import brief, long, mutants
from tests.faults.tallies import Tally
from tests.projections.stored import append, lived, portals, projecting
from tests.promises.server import NOW

pytestmark = pytest.mark.fault("killed at random while exporting")

Files = Mapping[str, bytes]


@pytest.fixture
async def portal(fresh: Store) -> AsyncIterator[Portal]:
    """A portal that lived a while, of which all is projected."""
    catalog = await Catalog.open(fresh, create=True)
    await catalog.add_portal("one", "member-1", now=NOW)
    (one,) = await portals(catalog)
    await prepare_generation(fresh, 1)
    yield one
    await catalog.close()


async def live_on(store: Store, portal: Portal, seed: int) -> None:
    """Let the portal live on: what is read moves on behind what is exported."""
    await append(store, portal, lived(seed))
    async with projecting(store, portal) as projector:
        await projector.catch_up()


def words(folder: Path) -> tuple[str, ...]:
    return "export", "--portal", "one", "--to", str(folder), "--jobs", "1"


@pytest.mark.parametrize("kills", [brief(2), mutants(12), long(200)])
async def test_an_export_goes_on_after_every_kill(
    fresh: Store, portal: Portal, tally: Tally, tmp_path: Path, kills: int
) -> None:
    await live_on(fresh, portal, 1)
    usual = seconds_of(environment(fresh), *words(tmp_path / "first"))
    random = Random(kills)  # noqa: S311 - the same again is what we want

    number, struck = 0, tmp_path / "struck-0"
    for kill in range(kills):
        with command(environment(fresh), *words(struck)) as exporting:
            exporting.kill_after(random.uniform(0, usual))
        tally.ran(acknowledged=0)
        tally.looked(Found(0, 0, 0, wrong_with(struck)))
        if kill % 10 == 0:
            await live_on(fresh, portal, 2 + kill)
        if (struck / "complete.json").exists():
            check_undisturbed(fresh, struck, tmp_path / f"sound-{number}")
            number += 1
            struck = tmp_path / f"struck-{number}"
    seconds_of(environment(fresh), *words(struck))

    check_undisturbed(fresh, struck, tmp_path / f"sound-{number}")


async def test_an_export_goes_on_wherever_a_file_gets_its_name(
    fresh: Store, portal: Portal, tally: Tally, tmp_path: Path
) -> None:
    """Killed before the first file of each run is renamed, then before the second, and so on."""
    await live_on(fresh, portal, 1)
    struck = tmp_path / "struck"
    for number in count(1):
        with child(killed_at, environment(fresh), number, *words(struck)) as exporting:
            assert exporting.line() == "READY"
            exporting.go_on()
            assert not list(exporting.lines())
        tally.ran(acknowledged=0)
        tally.looked(Found(0, 0, 0, wrong_with(struck)))
        if exporting.status == 0:
            break
        assert exporting.status == -signal.SIGKILL
        if number == 1:
            assert not (struck / "manifest.json").exists()
        if number == 3:  # the manifest and a piece are there: the others are of before
            await live_on(fresh, portal, 2)

    assert number > 3
    check_undisturbed(fresh, struck, tmp_path / "sound")


def killed_at(voice: Voice, environment: Mapping[str, str], number: int, *words: str) -> None:
    """Become the command, and end without a word before so many files have their names."""
    rename, named = Path.replace, count(1)

    def replace(self: Path, target: Any) -> Path:
        if next(named) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.replace = replace  # type: ignore[assignment, method-assign]
    become(voice, environment, *words)


def check_undisturbed(store: Store, struck: Path, sound: Path) -> None:
    """Export the same again, from the same manifest: every byte is the same."""
    assert wrong_with(struck) == []
    sound.mkdir()
    (sound / "manifest.json").write_bytes((struck / "manifest.json").read_bytes())
    seconds_of(environment(store), *words(sound))

    assert files_of(struck) == files_of(sound)


def wrong_with(folder: Path) -> list[str]:
    """What a reader who trusts complete.json finds missing or otherwise."""
    said = folder / "complete.json"
    if not said.exists():
        return []
    files, parts = files_of(folder), from_json(said.read_bytes())["parts"]
    paths = {part["path"] for part in parts}
    return [
        *({f"{path} is there, and not told of" for path in files.keys() - paths - KEPT}),
        *(
            f"{part['path']} is not as it is told"
            for part in parts
            if hashlib.sha256(files.get(part["path"], b"")).hexdigest() != part["sha256"]
        ),
        *(() if paths else ["it has no files"]),
    ]


KEPT = {"manifest.json", "complete.json"}


def files_of(folder: Path) -> Files:
    """All of an export, but for what whoever makes it keeps beside."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.relative_to(folder).as_posix().startswith("_")
        and path.suffix != ".part"
    }

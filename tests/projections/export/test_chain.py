"""Exports are merged only where each goes on where the one before ends, and is what it says."""

import re
from pathlib import Path
from typing import Any

import pytest

from eventstore.store import Store
from projections.errors import (
    DamagedExport,
    DoesNotFollow,
    NoSuchExport,
    OtherExport,
    TargetUnusable,
)
from projections.export.chain import chain_of
from projections.export.export import export
from projections.export.manifest import read_manifest
from projections.export.merge import merge
from projections.export.names import COMPLETE, MANIFEST
from projections.export.pieces import Source
from projections.export.target import Target
from projections.export.wanted import Wanted
from tests.engines import on_sqlite
from tests.projections.export.made import files, made
from tests.projections.stored import unread

REACTION = (1, 41, "like", 1, 7, 0, "event", None, None)


def whole(folder: Path, *, position: int = 10, **asked: Any) -> Path:
    return made(folder, {"reactions": [REACTION]}, position=position, **asked)


def increment(folder: Path, first: int, position: int, **asked: Any) -> Path:
    news = [(*REACTION, "upsert")] if first <= position else []
    return made(folder, {"reactions": news}, first=first, position=position, **asked)


def test_exports_are_put_in_order_wherever_they_are(tmp_path: Path) -> None:
    increment(tmp_path / "all" / "b", 21, 30)
    increment(tmp_path / "all" / "nothing new", 31, 30)
    whole(tmp_path / "all" / "c")
    (tmp_path / "all" / "something else").mkdir()
    alone = increment(tmp_path / "a", 11, 20)

    chain = chain_of([alone, tmp_path / "all"])

    assert [(link.first, link.complete.position) for link in chain] == [
        (1, 10),
        (11, 20),
        (21, 30),
        (31, 30),
    ]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (10, "b does not follow: it begins at position 10, and .*a ends so that 11 is next"),
        (12, "b does not follow: it begins at position 12, and .*a ends so that 11 is next"),
    ],
)
def test_none_may_be_missing_or_tell_again(tmp_path: Path, first: int, said: str) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", first, 20)]

    with pytest.raises(DoesNotFollow, match=said):
        chain_of(folders)


def test_one_is_whole_and_no_more(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFollow, match=r"a does not follow: .* from position 11 on"):
        chain_of([increment(tmp_path / "a", 11, 20)])
    with pytest.raises(DoesNotFollow, match=r"c does not follow: it is a whole export, as .*b is"):
        chain_of([whole(tmp_path / "b"), whole(tmp_path / "c")])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"form": "jsonl"}, "format"),
        ({"chats": (7,)}, "chats"),
        ({"since": 1}, "since"),
        ({"as_of": 1}, "as-of"),
        ({"withhold": True}, "withhold"),
        ({"formula_guard": False}, "formula-guard"),
    ],
)
def test_all_answer_one_question(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", 11, 20, **asked)]

    with pytest.raises(DoesNotFollow, match=f"a was asked for with another {said}$"):
        chain_of(folders)


def test_another_version_may_show_any_row_otherwise(tmp_path: Path) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", 11, 20)]
    manifest = folders[1] / MANIFEST
    manifest.write_text(manifest.read_text().replace("facts-rows-", "facts-others-"))

    with pytest.raises(DoesNotFollow, match="begin with a whole export again"):
        chain_of(folders)


def test_all_are_of_one_store(tmp_path: Path) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", 11, 20)]
    manifest = folders[1] / MANIFEST
    manifest.write_text(manifest.read_text().replace('"here"', '"there"'))

    with pytest.raises(DoesNotFollow, match=r"b does not follow: .*a is of another store"):
        chain_of(folders)


def test_a_transcript_is_merged_with_nothing(tmp_path: Path) -> None:
    folder = whole(tmp_path / "a")
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace('"csv"', '"html"'))

    with pytest.raises(DoesNotFollow, match="transcript"):
        chain_of([folder])


def test_what_is_not_whole_is_named(tmp_path: Path) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", 11, 20)]
    (folders[1] / COMPLETE).unlink()

    with pytest.raises(NoSuchExport, match=re.escape(str(folders[1]))):
        chain_of(folders)
    with pytest.raises(NoSuchExport, match="nowhere"):
        chain_of([tmp_path / "nowhere"])


@pytest.mark.parametrize("harm", ["gone", "longer", "other"])
async def test_a_damaged_file_is_named_and_nothing_looks_merged(tmp_path: Path, harm: str) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", 11, 20)]
    (file,) = folders[1].glob("table=*/**/*.csv")
    said = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(said + b"\r\n" if harm == "longer" else said.replace(b"like", b"kiss"))
    target = tmp_path / "merged"

    with pytest.raises(DamagedExport, match=re.escape(str(file))):
        await merge(folders, Target(str(target)), unread)

    assert not (target / COMPLETE).exists()


async def test_who_was_cut_off_goes_on_with_the_same_exports_alone(tmp_path: Path) -> None:
    folders = [whole(tmp_path / "a"), increment(tmp_path / "b", 11, 20)]
    target = Target(str(tmp_path / "merged"))
    done = await merge(folders, target, unread)
    target.remove(COMPLETE)
    third = increment(tmp_path / "c", 21, 30)

    with pytest.raises(OtherExport, match="it is not made of these exports"):
        await merge([*folders, third], target, unread)
    assert await merge(folders, target, unread) == done
    assert await merge(folders, target, unread) == done


@on_sqlite
async def test_what_was_being_merged_is_not_taken_for_an_export_that_was_cut_off(
    fresh: Store, tmp_path: Path
) -> None:
    """On one engine: nothing is asked of it."""
    target = Target(str(tmp_path / "merged"))
    await merge([whole(tmp_path / "a")], target, unread)
    wanted = Wanted(portal="acme", format="csv", tables=("reactions",))
    source = Source("here", fresh.log, fresh.generation(1), 1)
    target.remove(COMPLETE)

    with pytest.raises(OtherExport, match="it was being merged"):
        await export(source, target, wanted, unread, now=0)


async def test_a_portal_of_that_name_in_another_store_is_another_one(
    fresh: Store, tmp_path: Path
) -> None:
    """Half of one and half of the other would look like a whole export."""
    target = Target(str(whole(tmp_path / "a")))
    manifest = read_manifest(target)
    assert manifest is not None
    source = Source("there", fresh.log, fresh.generation(1), 1)

    with pytest.raises(OtherExport, match="it is of another store"):
        await export(source, target, manifest.wanted, unread, now=0)


async def test_what_is_in_a_folder_is_not_taken_for_merged(tmp_path: Path) -> None:
    """A file that is there already would be read with those that are written."""
    there = tmp_path / "merged" / "table=reactions" / "part-00009.parquet"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"somebody else's")

    with pytest.raises(OtherExport, match="table=reactions is in it"):
        await merge([whole(tmp_path / "a")], Target(str(tmp_path / "merged")), unread)

    assert list(files(tmp_path / "merged")) == ["table=reactions/part-00009.parquet"]


async def test_two_do_not_merge_into_one_folder(tmp_path: Path) -> None:
    folders, target = [whole(tmp_path / "a")], Target(str(tmp_path / "merged"))

    with target.held(), pytest.raises(TargetUnusable, match="another process is writing"):
        await merge(folders, target, unread)

    assert (await merge(folders, target, unread)).rows == {"reactions": 1}


async def test_where_it_is_merged_may_be_beside_what_is_merged(tmp_path: Path) -> None:
    whole(tmp_path / "all" / "a")
    increment(tmp_path / "all" / "b", 11, 20)
    target = Target(str(tmp_path / "all" / "merged"))
    done = await merge([tmp_path / "all"], target, unread)
    target.remove(COMPLETE)

    assert await merge([tmp_path / "all"], target, unread) == done
    assert await merge([tmp_path / "all"], target, unread) == done

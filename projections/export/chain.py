"""Exports that follow each other: a whole history, and what changed since, again and again."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from projections.errors import DamagedExport, DoesNotFollow, NoSuchExport
from projections.export.manifest import Complete, Manifest, read_complete, read_manifest
from projections.export.names import MANIFEST
from projections.export.target import Target

_LIKE_THE_FIRST: Final = (
    "portal",
    "format",
    "tables",
    "as_of",
    "chats",
    "since",
    "until",
    "withhold",
    "formula_guard",
    "byte_order_mark",
)
"""What all were asked alike, so that their rows are of one question."""


class Link(NamedTuple):
    """One export of a chain, as it says of itself."""

    folder: Path
    manifest: Manifest
    complete: Complete

    @property
    def first(self) -> int:
        """The first position that it tells of."""
        return self.manifest.wanted.from_position or 1

    def check_files(self) -> None:
        """Raise DamagedExport where a file is not the one that was written."""
        for part in self.complete.parts:
            path = self.folder / part.path
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise DamagedExport(str(path), error.strerror or "it cannot be read") from None
            if digest != part.sha256:
                raise DamagedExport(str(path), "its SHA-256 is not the one in complete.json")


def chain_of(folders: Iterable[Path], *, but: Path | None = None) -> list[Link]:
    """Return the exports of some folders, or of their sub-folders, in the order of positions.

    What is merged into one of those sub-folders is `but` one of them. Raises DoesNotFollow where
    they make no chain, NoSuchExport where one is not whole, and OtherExport.
    """
    links = sorted(
        (_link(each) for folder in folders for each in _exports(folder, but)),
        key=lambda link: (link.complete.position, link.first),
    )
    whole = links[0]
    if whole.manifest.wanted.format == "html":
        raise DoesNotFollow(str(whole.folder), "nothing is merged with a transcript")
    if whole.manifest.wanted.from_position is not None:
        raise DoesNotFollow(
            str(whole.folder),
            f"it tells of what changed from position {whole.first} on, and nothing is there of"
            " what was before",
        )
    for before, link in pairwise(links):
        _check_follows(before, link)
        _check_alike(whole, link)
    return links


def _exports(folder: Path, but: Path | None) -> Sequence[Path]:
    if (folder / MANIFEST).exists():
        return [folder]
    found = sorted(each.parent for each in folder.glob(f"*/{MANIFEST}"))
    found = [each for each in found if each.absolute() != but]
    if not found:
        raise NoSuchExport(str(folder))
    return found


def _link(folder: Path) -> Link:
    target = Target(str(folder))
    manifest = read_manifest(target)
    if manifest is None:
        raise NoSuchExport(str(folder))
    return Link(folder, manifest, read_complete(target))


def _check_follows(before: Link, link: Link) -> None:
    if link.manifest.wanted.from_position is None:
        raise DoesNotFollow(str(link.folder), f"it is a whole export, as {before.folder} is")
    expected = before.complete.position + 1
    if link.first != expected:
        raise DoesNotFollow(
            str(link.folder),
            f"it begins at position {link.first}, and {before.folder} ends so that {expected} is"
            " next",
        )


def _check_alike(whole: Link, link: Link) -> None:
    asked, others = whole.manifest.wanted, link.manifest.wanted
    for name in _LIKE_THE_FIRST:
        if getattr(asked, name) != getattr(others, name):
            option = name.replace("_", "-")
            raise DoesNotFollow(
                str(link.folder), f"{whole.folder} was asked for with another {option}"
            )
    if whole.manifest.installation != link.manifest.installation:
        raise DoesNotFollow(str(link.folder), f"{whole.folder} is of another store")
    if _folds(whole.manifest) != _folds(link.manifest):
        raise DoesNotFollow(
            str(link.folder),
            f"another version of this program than that of {whole.folder} made it, which may"
            " show any row otherwise: begin with a whole export again",
        )


def _folds(manifest: Manifest) -> tuple[int, str]:
    """Say what decides how rows look: not how they were written to files."""
    return manifest.schema_version, manifest.fingerprint.rpartition("-")[0]

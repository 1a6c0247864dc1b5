"""Fingerprints: they change with what code does, and with nothing else."""

import subprocess
import sys

import pytest

from projections.fingerprints import fingerprints, of_module, of_source

CODE = '''
"""What it is about."""

KINDS = {"posted": 1}


class Row:
    """A row."""

    text: str = ""


def fold(facts, *, day=86_400):
    """Say what facts mean."""
    return [fact for fact in facts if fact.kind in {"posted", "edited"} and fact.at > day]
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it is about.", "What it was about."),
        ("A row.", "A row of a table."),
        ("Say what facts mean.", "Say it."),
        ("\n\n\ndef", "\n\n\n# why this is so\n\n\ndef"),
        ('{"posted", "edited"}', '{"edited", "posted"}'),
    ],
)
def test_what_is_only_said_of_code_does_not_count(old: str, new: str) -> None:
    assert CODE.count(old) == 1
    assert of_source(CODE.replace(old, new)) == of_source(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"posted": 1', '"posted": 2'),
        ('text: str = ""', 'text: str = "-"'),
        ("text: str", "text: int"),
        ("day=86_400", "day=86_401"),
        ("fact.at > day", "fact.at >= day"),
        ("and fact.at", "or fact.at"),
        ("fact.kind in", "fact.type in"),
        ('"edited"', '"deleted"'),
    ],
)
def test_what_code_does_counts(old: str, new: str) -> None:
    assert CODE.count(old) == 1
    assert of_source(CODE.replace(old, new)) != of_source(CODE)


def test_every_process_has_the_same() -> None:
    say = "from projections.fingerprints import fingerprints; print(*fingerprints())"

    said = [
        subprocess.run(
            [sys.executable, "-c", say],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]

    assert said == [list(fingerprints())] * 2


def test_decoders_and_folds_have_their_own() -> None:
    assert fingerprints().facts != fingerprints().rows
    assert of_module("projections.decode") != of_module("projections.derive")

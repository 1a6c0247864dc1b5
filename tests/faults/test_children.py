"""A child has imported all that it needs before it begins: a kill strikes its work."""

import sys

from tests.faults.children import Voice, child
from tests.forking import IMPORTED
from tests.soak import run as _  # noqa: F401 - who forks as well


def tell_imported(voice: Voice) -> None:
    voice.say(" ".join(sys.modules))


def test_a_child_begins_with_everything_imported() -> None:
    with child(tell_imported) as telling:
        imported = telling.line().split()

    assert set(IMPORTED) <= set(imported)

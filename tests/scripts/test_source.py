"""The lines of a file, whatever they are: each once, with its number, however they are cut."""

import io
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import lines, source
from scripts.lines import Line, lines_of
from scripts.source import Source, blocks

KEPT = 12
BODIES = [b"", b" ", b"\r", b"a", b" bc\t\r", b"d" * KEPT, b"e" * (KEPT + 1), b"f" * 100]


def expected(content: bytes) -> list[Line]:
    numbered = enumerate(map(bytes.strip, content.split(b"\n")), 1)
    return [
        Line(number, line if len(line) <= KEPT else b"", len(line))
        for number, line in numbered
        if line
    ]


@given(st.lists(st.sampled_from(BODIES), max_size=12), st.integers(1, 40))
def test_every_line_is_there_once_however_the_file_is_cut(bodies: list[bytes], size: int) -> None:
    content = b"\n".join(bodies)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_BLOCK", size)
        patch.setattr(source, "KEPT", KEPT)
        patch.setattr(lines, "KEPT", KEPT)
        file = Source(lambda: cast(BinaryIO, io.BytesIO(content)), len(content))

        found = [line for block in blocks(file) for line in lines_of(block)]

    assert found == expected(content)

"""Where SQLite keeps a row: the bytes of its cell in the file."""

from typing import Final

PAGE: Final = 4_096
LEAF: Final = 13
"""The kind of page that holds rows of a table."""


def cell_with(file: bytes, content: bytes) -> range:
    """Give the place of the cell that begins to hold this content, which must be there once."""
    assert file.count(content) == 1
    at = file.index(content)
    page = at - at % PAGE
    assert file[page] == LEAF
    count = int.from_bytes(file[page + 3 : page + 5], "big")
    pointers = range(page + 8, page + 8 + 2 * count, 2)
    begins = [page + int.from_bytes(file[place : place + 2], "big") for place in pointers]
    return range(
        max(begin for begin in begins if begin <= at),
        min([begin for begin in begins if begin > at] + [page + PAGE]),
    )

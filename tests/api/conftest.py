"""Who orders exports in these tests."""

import pytest

from tests.conftest import Reader
from tests.exports import Orderer


@pytest.fixture
async def orderer(own_reader: Reader) -> Orderer:
    """Somebody who may have everything, at a server of their own."""
    return Orderer(own_reader.served, own_reader.tokens["everything"])


@pytest.fixture
def someone(reader: Reader) -> Orderer:
    """Somebody who may have everything, at a server that others ask, too."""
    return Orderer(reader.served, reader.tokens["everything"])

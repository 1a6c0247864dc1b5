"""What commits are measured on is as durable as what users have."""

from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from scripts.bench.engines import Engine, in_turns, running_engines

pytestmark = pytest.mark.postgresql


async def test_the_server_keeps_what_it_acknowledged_and_ends_with_the_block() -> None:
    with TemporaryDirectory(prefix="chronicle-bench-") as folder:
        with running_engines(Path(folder)) as engines:
            connection = await asyncpg.connect(f"{engines[1].server}/postgres")
            careless = await connection.fetch(
                "SELECT name FROM pg_settings WHERE setting <> 'on'"
                " AND name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
            )
            await connection.close()

        assert not careless
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncpg.connect(f"{engines[1].server}/postgres")


async def test_engines_take_turns_a_b_b_a() -> None:
    engines = [Engine("A", "", Path()), Engine("B", "", Path())]
    order = []

    async def measure(engine: Engine, number: int) -> int:
        order.append(engine.name)
        return number

    found = await in_turns(engines, 4, measure)

    assert order == ["A", "B", "B", "A", "A", "B", "B", "A"]
    assert found == [(engine, [0, 1, 2, 3]) for engine in engines]

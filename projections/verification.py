"""All that a store can be verified by, each part resting on the one before."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing

from eventstore.catalog import Catalog
from eventstore.directory import Portal
from eventstore.store import Store
from projections.difference import Difference, Progress
from projections.verify_catalog import verify_catalog
from projections.verify_log import verify_access_log, verify_log
from projections.verify_read_models import verify_read_models

Watch = Callable[[str], AbstractContextManager[Progress]]
"""Is told what is counted from now on, and gives who is told of the progress."""


async def verify(
    store: Store,
    catalog: Catalog,
    portals: Sequence[Portal],
    watch: Watch,
    *,
    jobs: int | None = None,
) -> AsyncGenerator[Difference]:
    """Check the catalog, both logs against their commitments, and what is derived from the log.

    Reads only; a server may run. Raises StaleGeneration for read models with other tables.
    """
    async with aclosing(verify_catalog(catalog, store)) as found:
        async for difference in found:
            yield difference
    for counted, check in (
        ("events of the log", verify_log),
        ("entries of the access log", verify_access_log),
        ("events derived again", verify_read_models),
    ):
        with watch(counted) as progress:
            async with aclosing(check(store, portals, progress, jobs=jobs)) as found:
                async for difference in found:
                    yield difference

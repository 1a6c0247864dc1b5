"""What is left of the week: whether all is there once, and is what coverage claims."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from eventstore.catalog import Catalog
from eventstore.folder import Folder
from eventstore.log import newest
from projections.build import Plan, build
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests.portal.portal import FOREIGN
from tests.promises.had import stored, untruths, wrong_with
from tests.soak.polling import SLUG
from tests.soak.week import Week

_ASKED: Final = 5_000
"""Messages whose coverage is asked for: each costs a statement."""

_SHOWN: Final = 20


async def outcome(store: Path, week: Week, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """Look at the log, at read models made of it, and at what coverage claims of them."""
    folder = Folder(store)
    async with AsyncExitStack() as stack:
        catalog = await Catalog.open(folder)
        stack.push_async_callback(catalog.close)
        portal = (await catalog.snapshot()).portal(SLUG)
        events = await folder.log.open_reader()
        stack.push_async_callback(events.close)
        tell("all is polled: the log is looked at")
        log_has = await stored(events, portal.id)
        wrong: dict[str, Any] = dict(wrong_with(log_has, week.portal.queues, week.readers))
        lost = sum(len(ids) for kind, ids in wrong.items() if kind.endswith(" lost"))
        tell(f"{len(log_has):,} events are in the log, {lost} are lost: read models are made")
        head = await newest(events, portal.id)
        await build(folder.generation(1), Plan(folder.log, {portal.id: head}), _silent)
        tell("they are made: log and read models are verified")
        for verify in (verify_log, verify_read_models):
            differences = verify(folder, [portal], _silent)
            wrong[verify.__name__] = [str(each) async for each in differences]
        tell("they are verified: what coverage claims is compared with the truth")
        every = max(1, len(week.portal.world.messages) // _ASKED)
        read_models = await folder.generation(1).open_reader()
        stack.push_async_callback(read_models.close)
        found = await untruths(read_models, portal.id, week.portal.world, every=every)
        wrong["untrue"] = found.untrue
    fates = week.portal.queues.fates.values()
    return {
        "ok": not any(wrong.values()),
        "events": week.written,
        "in_the_log": len(log_has),
        "lost": lost,
        "twice": len(wrong.get("twice", ())),
        "out_of_reach": {
            "expired": sum(len(fate.expired) for fate in fates),
            "taken_by_another_reader": sum(len(fate.acknowledged[FOREIGN]) for fate in fates),
        },
        "days": round((week.end - week.begin) / 86_400, 2),
        "faults": dict(week.happened.faults),
        "kills": week.happened.kills,
        "calls": week.happened.calls,
        "messages": len(week.portal.world.messages),
        "claimed_and_compared": found.claimed,
        "untrue": len(found.untrue),
        "wrong": {kind: said[:_SHOWN] for kind, said in wrong.items() if said},
    }


def _silent(_done: int, _total: int) -> None:
    pass

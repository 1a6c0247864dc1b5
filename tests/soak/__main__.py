"""`make soak`: a simulated week, and then a look at all that is left of it."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.soak.outcome import outcome
from tests.soak.run import WEEK, Size, soak


def main() -> int:
    """Return 0 if nothing was lost, and nothing is otherwise than coverage claims."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=WEEK.events)
    parser.add_argument("--days", type=float, default=WEEK.seconds / 86_400)
    parser.add_argument("--faults", type=int, default=WEEK.faults)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--folder", type=Path, help="where its files are: on a disk in memory it is faster"
    )
    options = parser.parse_args()
    size = Size(options.events, options.days * 86_400, options.faults)
    with tempfile.TemporaryDirectory(prefix="chronicle-soak-", dir=options.folder) as folder:
        store = Path(folder) / "store"
        week, took = soak(store, size, options.seed, tell=_tell)
        found = asyncio.run(outcome(store, week, tell=_tell)) | {"seconds_polled": round(took)}
    print(json.dumps(found, indent=1))
    return 0 if found["ok"] else 1


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

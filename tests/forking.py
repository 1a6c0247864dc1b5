"""Where processes of the tests come from: forked from one that has imported everything.

A session has one such process, and what was said last is what it imports: it is said here alone.
"""

import multiprocessing
from typing import Final

FORKING: Final = multiprocessing.get_context("forkserver")

IMPORTED: Final = (
    "tests.faults.work",
    "tests.soak.polling",
    "scripts.imports",
    "scripts.rebuild",
    "projections.export.export",
)

FORKING.set_forkserver_preload(list(IMPORTED))

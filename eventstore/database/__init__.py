"""Where one engine differs from another, and nowhere else.

Statements are SQLAlchemy Core, written once. They run on the driver's own connection, because
SQLAlchemy's asynchronous engine costs more than most of our queries do.
"""

from eventstore.database.full_text import Sought, found_by, searched, strpos, unindexed
from eventstore.database.session import Place, Pool, Row, Session
from eventstore.database.statements import (
    Pairs,
    compiled,
    greatest,
    if_text,
    in_bytes,
    least,
    one_of,
    pair_of,
    planned_once,
    text,
    upsert,
)

__all__ = [
    "Pairs",
    "Place",
    "Pool",
    "Row",
    "Session",
    "Sought",
    "compiled",
    "found_by",
    "greatest",
    "if_text",
    "in_bytes",
    "least",
    "one_of",
    "pair_of",
    "planned_once",
    "searched",
    "strpos",
    "text",
    "unindexed",
    "upsert",
]

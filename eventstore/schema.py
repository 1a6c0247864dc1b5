"""The tables of the log and of the catalog.

Every key and index of the log starts with `portal_id`: that is what lets it be spread over many
machines without changing a statement. Times are microseconds since 1970 in UTC.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from eventstore.database import text
from eventstore.immutability import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS

log_metadata = MetaData(
    info={"triggers": {"sqlite": SQLITE_TRIGGERS, "postgresql": POSTGRESQL_TRIGGERS}}
)
catalog_metadata = MetaData()

event = Table(
    "event",
    log_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("key", text(), nullable=False),
    Column("source", text(), nullable=False),
    Column("receiver", text(), nullable=False),
    Column("sequence", BigInteger),
    Column("event_type", text(), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    # NULL only after an erasure, which leaves the commitment and the leaf.
    Column("payload", text()),
    Column("salt", LargeBinary),
    Column("commitment", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    UniqueConstraint("portal_id", "key"),
)

# One row a portal. Appending moves it in the same transaction, so positions have no gap.
log_head = Table(
    "log_head",
    log_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

# One row: the key that this store was made with, and a number that moves with every change of
# the catalog, so that a server notices within a second.
installation = Table(
    "installation",
    catalog_metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("key_check", String(64), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

portal = Table(
    "portal",
    catalog_metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("slug", text(), nullable=False, unique=True),
    Column("member_id", text(), nullable=False, unique=True),
    Column("domain", text()),
    # Keys the HMACs of this portal's imports; sealed, and never rotated.
    Column("sealed_key", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

ingest_key = Table(
    "ingest_key",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

application_token = Table(
    "application_token",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

token = Table(
    "token",
    catalog_metadata,
    Column("id", text(), primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", text()),
    Column("portals", text(), nullable=False),
    Column("scopes", text(), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

# What narrows a token; without a row, nothing does. `token` is the number that its id spells.
token_limit = Table(
    "token_limit",
    catalog_metadata,
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("since", BigInteger),
    Column("until", BigInteger),
    Column("rate_count", Integer),
    Column("rate_seconds", Integer),
)

# The chats that a token sees; without any, all.
token_chat = Table(
    "token_chat",
    catalog_metadata,
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
)

# When a token was last shown: a row of its own, since it is written again and again.
token_use = Table(
    "token_use",
    catalog_metadata,
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("used_at", BigInteger, nullable=False),
)

rejection = Table(
    "rejection",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("reason", text(), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

quarantined = Table(
    "quarantined",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("received_at", BigInteger, nullable=False),
    Column("source", text(), nullable=False),
    Column("receiver", text(), nullable=False),
    Column("reason", text(), nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("portal_id", "digest"),
)

# Which generation of the read models the readers of a portal use.
pointer = Table(
    "pointer",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
)

# What is known of each generation: when its maker was last seen, and when its last reader left.
generation = Table(
    "generation",
    catalog_metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("left_at", BigInteger),
)

# Whom a portal is asked as: a queue of a user or a bot, or two that are read together.
connection = Table(
    "connection",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("receiver", text(), nullable=False),
    # The user whose events come in the bot's queue too.
    Column("user_receiver", text()),
    Column("domain", text(), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Until when one process, and no other, may exchange the refresh token.
    Column("renewing_until", BigInteger, nullable=False),
    UniqueConstraint("portal_id", "receiver"),
)

# How far the queue of a connection was read: a row of its own, since it is written at every poll.
# Times called `…_at` are of our clock, the others of the portal's.
queue = Table(
    "queue",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", text()),
    # Moves with every sign of life of the holder.
    Column("beat", BigInteger, nullable=False),
    Column("state", text(), nullable=False),
    Column("state_since_at", BigInteger),
    Column("error", text()),
    Column("tried_at", BigInteger),
    Column("succeeded_at", BigInteger),
    Column("failing_since_at", BigInteger),
    Column("fetched", BigInteger, nullable=False),
    # The newest id that is stored, and the offset that was sent last.
    Column("newest", BigInteger),
    Column("newest_date", BigInteger),
    Column("acknowledged", BigInteger),
    # When an event that was left there was met again.
    Column("met", BigInteger),
    # The unbroken stretch in which the queue is watched.
    Column("since", BigInteger),
    Column("until", BigInteger),
    Column("told_until", BigInteger),
    Column("sees", text()),
    Column("hole_from", BigInteger),
    Column("hole_cause", text()),
)

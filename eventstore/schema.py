"""The tables of the log and of the catalog, and the triggers that keep the log as it is.

Every key and index of the log starts with `portal_id`: that is what lets it be spread over many
machines without changing a statement. Times are microseconds since 1970 in UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

log_metadata = MetaData()
catalog_metadata = MetaData()

event = Table(
    "event",
    log_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("sequence", BigInteger),
    Column("event_type", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    # NULL only after an erasure, which leaves the commitment and the leaf.
    Column("payload", Text),
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

# Erasure will admit one update, payload and salt to NULL: only the second trigger will change.
SQLITE_LOG_TRIGGERS: Final = (
    """
    CREATE TRIGGER IF NOT EXISTS event_header_stays BEFORE UPDATE OF portal_id, position, key,
        source, receiver, sequence, event_type, received_at, sent_at, commitment, leaf ON event
    BEGIN SELECT RAISE(ABORT, 'the log is immutable: an event is never updated'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS event_payload_stays BEFORE UPDATE OF payload, salt ON event
    BEGIN SELECT RAISE(ABORT, 'the log is immutable: an event is never updated'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS event_is_never_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'the log is immutable: an event is never deleted'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above.
    """
    CREATE TRIGGER IF NOT EXISTS event_is_never_replaced BEFORE INSERT ON event
    WHEN NEW.position <= (SELECT position FROM log_head WHERE portal_id = NEW.portal_id)
      OR EXISTS (SELECT 1 FROM event WHERE portal_id = NEW.portal_id AND key = NEW.key)
    BEGIN SELECT RAISE(ABORT, 'the log is immutable: an event is never replaced'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS log_head_never_moves_back BEFORE UPDATE ON log_head
    WHEN NEW.portal_id <> OLD.portal_id OR NEW.position < OLD.position
    BEGIN SELECT RAISE(ABORT, 'the log is immutable: a head never moves back'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS log_head_is_never_deleted BEFORE DELETE ON log_head
    BEGIN SELECT RAISE(ABORT, 'the log is immutable: a head is never deleted'); END
    """,
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
    Column("id", Integer, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("member_id", Text, nullable=False, unique=True),
    Column("domain", Text),
    # Keys the HMACs of this portal's imports; sealed, and never rotated.
    Column("sealed_key", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

ingest_key = Table(
    "ingest_key",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

application_token = Table(
    "application_token",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

token = Table(
    "token",
    catalog_metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", Text),
    Column("portals", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

rejection = Table(
    "rejection",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

quarantined = Table(
    "quarantined",
    catalog_metadata,
    Column("portal_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("received_at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("portal_id", "digest"),
)

# One row: which generation of the read models readers use.
generation = Table(
    "generation",
    catalog_metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
)

"""The triggers that keep the log as it is, on both engines."""

from typing import Final

# Erasure will admit one update, payload and salt to NULL: only the second trigger will change.
SQLITE_TRIGGERS: Final = (
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

POSTGRESQL_TRIGGERS: Final = (
    """
    CREATE OR REPLACE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the log is immutable: %', TG_ARGV[0]; END $$
    """,
    """
    CREATE OR REPLACE TRIGGER event_header_stays BEFORE UPDATE OF portal_id, position, key,
        source, receiver, sequence, event_type, received_at, sent_at, commitment, leaf
        ON {schema}.event
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse('an event is never updated')
    """,
    """
    CREATE OR REPLACE TRIGGER event_payload_stays BEFORE UPDATE OF payload, salt
        ON {schema}.event
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse('an event is never updated')
    """,
    """
    CREATE OR REPLACE TRIGGER event_is_never_deleted BEFORE DELETE OR TRUNCATE ON {schema}.event
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse('an event is never deleted')
    """,
    """
    CREATE OR REPLACE TRIGGER log_head_never_moves_back BEFORE UPDATE ON {schema}.log_head
    FOR EACH ROW
    WHEN (NEW.portal_id <> OLD.portal_id OR NEW.position < OLD.position)
    EXECUTE FUNCTION {schema}.refuse('a head never moves back')
    """,
    """
    CREATE OR REPLACE TRIGGER log_head_is_never_deleted BEFORE DELETE OR TRUNCATE
        ON {schema}.log_head
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse('a head is never deleted')
    """,
)
"""To be formatted with the schema of the log."""

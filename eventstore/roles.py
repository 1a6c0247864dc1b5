"""What a role of PostgreSQL may do that runs servers and commands, but owns nothing."""

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def grants(role: str) -> list[str]:
    """Return the statements that let a role append, read, and keep catalog and read models.

    It can neither change nor delete an event. The owner of log and catalog runs them, again
    after each migration. Raises ValueError for what cannot be the name of a role.
    """
    if not _NAME.fullmatch(role):
        raise ValueError("a role's name: a letter, then letters, digits, _ or -, at most 63")
    # Who rebuilds makes a schema, and owns it.
    connect = f"format('GRANT CONNECT, CREATE ON DATABASE %I TO %I', current_database(), '{role}')"
    return [
        f"DO $$ BEGIN EXECUTE {connect}; END $$",
        f'GRANT USAGE ON SCHEMA log, catalog TO "{role}"',
        f'GRANT SELECT, INSERT ON log.event TO "{role}"',
        f'GRANT SELECT, INSERT, UPDATE ON log.log_head TO "{role}"',
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA catalog TO "{role}"',
    ]

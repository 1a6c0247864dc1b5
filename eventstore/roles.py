"""What a role must be granted, on PostgreSQL, to run servers and commands, and not more."""

import re
from typing import Final

from eventstore.errors import InvalidRegistration

_ROLE: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_NO_ROLES: Final = frozenset({"public", "none"})
"""Words of SQL, even in quotes: everybody, and nobody."""

_CREATE: Final = "GRANT CREATE ON DATABASE %I"


def grants(role: str) -> list[str]:
    """Return what the owner of the tables runs, so that a role may append and project.

    The role can neither update nor delete an event, nor touch the triggers that refuse it to
    everybody. It makes the schemas of read models, which are then its own. To be run once more
    after each migration, which may bring tables. Raises InvalidRegistration for a name that is
    none: lower case letters, digits and `_`.
    """
    if not _ROLE.fullmatch(role) or role in _NO_ROLES:
        raise InvalidRegistration(f"role {role!r}: use a-z, 0-9 and _, at most 63")
    to = f'TO "{role}"'
    return [
        f"GRANT USAGE ON SCHEMA log, access, catalog {to}",
        f"GRANT SELECT, INSERT ON log.event, access.event {to}",
        f"GRANT SELECT, INSERT, UPDATE ON log.log_head, access.log_head {to}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA catalog {to}",
        # It wants the name of the database that it runs in.
        f"DO $$ BEGIN EXECUTE format('{_CREATE} {to}', current_database()); END $$",
    ]

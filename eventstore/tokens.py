"""Bearer tokens: who may read which portals, and what of them."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import func, insert, update

from eventstore import schema
from eventstore.catalog import Catalog, check_text, portal_id_of
from eventstore.database import greatest, upsert
from eventstore.directory import SCOPES, Limits
from eventstore.errors import InvalidRegistration, UnknownToken
from eventstore.event import Instant
from eventstore.token_rows import limit

_ID: Final = re.compile(r"[0-9a-f]{12}")


class Tokens:
    """The bearer tokens of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(  # noqa: PLR0913 - all that a token is
        self,
        *,
        portals: Sequence[str],
        scopes: Sequence[str],
        now: Instant,
        expires_at: Instant | None = None,
        label: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> tuple[str, str]:
        """Make a bearer token; return its id and the token itself, of which only a digest is kept.

        Raises UnknownPortal, and InvalidRegistration for an unknown scope or a label that cannot
        be printed.
        """
        if unknown := sorted(set(scopes) - set(SCOPES)):
            raise InvalidRegistration(f"unknown scope {unknown[0]!r}: one of {', '.join(SCOPES)}")
        check_text(label, "label")
        token_id, secret = secrets.token_hex(6), f"chronicle_{secrets.token_urlsafe(32)}"
        async with self._catalog.changing() as tx:
            for slug in portals:
                await portal_id_of(tx, slug)
            row = {
                "id": token_id,
                "digest": self._catalog.key.digest("bearer token", secret),
                "label": label,
                "portals": json.dumps(sorted(set(portals))),
                "scopes": json.dumps(sorted(set(scopes))),
                "created_at": now,
                "expires_at": expires_at,
            }
            await tx.execute(insert(schema.token), row)
            await limit(tx, token_id, limits)
        return token_id, secret

    async def rotate(self, token_id: str, *, now: Instant, overlap: Instant) -> tuple[str, str]:
        """Make a token with the same rights; return its id and the token itself.

        The old one is good for `overlap` microseconds more. Raises UnknownToken, and
        InvalidRegistration for one that is not good any more.
        """
        found = [
            each for each in (await self._catalog.snapshot()).tokens.values() if each.id == token_id
        ]
        if not found:
            raise UnknownToken(token_id)
        old = found[0]
        ends = old.expires_at
        if old.revoked_at is not None or (ends is not None and ends <= now):
            raise InvalidRegistration(f"token {token_id} is not good any more: create another one")
        made = await self.create(
            portals=sorted(old.portals),
            scopes=sorted(old.scopes),
            now=now,
            expires_at=ends,
            label=old.label,
            limits=old.limits,
        )
        # A cut between the two leaves both good: nobody is without a token.
        until = now + overlap if ends is None else min(ends, now + overlap)
        async with self._catalog.changing() as tx:
            table = schema.token
            await tx.execute(update(table).where(table.c.id == token_id).values(expires_at=until))
        return made

    async def note_uses(self, uses: Mapping[str, Instant]) -> None:
        """Keep when tokens were last shown, by their ids."""
        table = schema.token_use
        statement = upsert(table)
        statement = statement.on_conflict_do_update(
            index_elements=table.primary_key,
            set_={"used_at": greatest(table.c.used_at, statement.excluded.used_at)},
        )
        async with self._catalog.writing() as tx:
            # In one order, or two processes would wait for each other.
            for token_id, used_at in sorted(uses.items()):
                row = {"token": int(token_id, 16), "used_at": used_at}
                await tx.execute(statement, row)

    async def revoke(self, token_id: str, *, now: Instant) -> None:
        """Refuse a token from now on. Raises UnknownToken."""
        if not _ID.fullmatch(token_id):
            raise UnknownToken(token_id)
        async with self._catalog.changing() as tx:
            table = schema.token
            result = await tx.execute(
                update(table)
                .where(table.c.id == token_id)
                .values(revoked_at=func.coalesce(table.c.revoked_at, now))
            )
            if not result.rowcount:
                raise UnknownToken(token_id)

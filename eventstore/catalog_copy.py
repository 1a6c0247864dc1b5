"""A copy of the catalog, for a server that finds it away. Sealed: it holds the portals' keys."""

from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from eventstore.directory import Portal, Snapshot, Token
from eventstore.secret_key import SecretKey

_ABOUT: Final = "the copy of the catalog"

_CONTENT: Final = TypeAdapter(
    tuple[int, list[Portal], list[Token]],
    config=ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64", extra="forbid", hide_input_in_errors=True
    ),
)


def seal_snapshot(snapshot: Snapshot, key: SecretKey) -> bytes:
    """Spell all that requests ask of the catalog, and seal it."""
    content = (snapshot.revision, [*snapshot.portals.values()], [*snapshot.tokens.values()])
    return key.seal(_CONTENT.dump_json(content), _ABOUT)


def unseal_snapshot(sealed: bytes, key: SecretKey) -> Snapshot | None:
    """Return what was sealed; None when another version of Chronicle sealed what this cannot read.

    Raises WrongSecretKey when it was sealed with another key, or was altered.
    """
    content = key.unseal(sealed, _ABOUT)
    try:
        revision, portals, tokens = _CONTENT.validate_json(content)
    except ValidationError:
        return None
    return Snapshot(
        revision,
        {portal.slug: portal for portal in portals},
        {token.digest: token for token in tokens},
    )

"""Who is asking, and whether they may."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from starlette.requests import Request

from api.problems import Problem
from api.state import State
from api.times import now
from eventstore.directory import Limits, Portal, Token

T = TypeVar("T")

_MAY_BE_NEWS: Final = {"not_found", "token_unknown", "application_token_mismatch"}


@dataclass(frozen=True)
class Access:
    """A portal that the caller may ask about, and what they may see of it."""

    portal: Portal
    scopes: frozenset[str]
    token: Token | None
    """None for a command of the same user, which delivers with the key of this run."""

    @property
    def limits(self) -> Limits:
        """What narrows that."""
        return self.token.limits if self.token else Limits()

    @property
    def sees_deleted(self) -> bool:
        """Whether texts of deleted messages and superseded versions are shown."""
        return "messages:read.deleted" in self.scopes


async def checked(state: State, check: Callable[[], T]) -> T:
    """Return what a check returns. One that refuses is asked again if the catalog has news.

    So a portal, a key or a token counts as soon as the command that made it has ended.
    Raises the Problem of the check.
    """
    try:
        return check()
    except Problem as problem:
        if problem.code in _MAY_BE_NEWS and await state.look_again():
            return check()
        raise


async def admitted(state: State, request: Request, *scopes: str) -> Access:
    """Return what `authorize` does, and count the request of the token.

    Who shows a token that is none waits for the answer, longer each time. Raises what `authorize`
    does, and Problem(rate_limited).
    """
    access = await _guarded(state, request, lambda: authorize(state, request, *scopes))
    if access.token is not None:
        await _count(state, access.token)
    return access


async def shown_token(state: State, request: Request) -> Token:
    """Return what `token_of` does, and count the request in the same way."""
    token = await _guarded(state, request, lambda: token_of(state, request))
    await _count(state, token)
    return token


async def _guarded(state: State, request: Request, check: Callable[[], T]) -> T:
    try:
        return await checked(state, check)
    except Problem as problem:
        if problem.code == "token_unknown":
            await state.guessed_tokens.slow_down(request)
        raise


async def _count(state: State, token: Token) -> None:
    state.token_uses.note(token.id, now())
    await state.rates.take(token)


def bearer(request: Request) -> str:
    """Return the bearer token of a request.

    Raises Problem(token_missing).
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Problem("token_missing", "Send `Authorization: Bearer <token>`.")
    return secret.strip()


def token_of(state: State, request: Request) -> Token:
    """Return the token that a request shows.

    Raises Problem: token_missing, token_unknown (also when revoked) or token_expired.
    """
    digest = state.catalog.key.digest("bearer token", bearer(request))
    token = state.snapshot.tokens.get(digest)
    if token is None or token.revoked_at is not None:
        raise Problem("token_unknown", "This token is not known here, or was revoked.")
    if token.expires_at is not None and token.expires_at <= now():
        raise Problem("token_expired", "This token has expired. Ask for a new one.")
    return token


def authorize(state: State, request: Request, *scopes: str) -> Access:
    """Return the portal of the path, if the caller may use one of these scopes there.

    Raises Problem: those of `token_of`; not_found for a portal that does not exist, or is not the
    token's: the two cannot be told apart; scope_missing, which names the first of the scopes.
    """
    slug = request.path_params["portal"]
    if "events:write" in scopes and _is_run_key(state, request):
        if slug not in state.snapshot.portals:
            raise Problem("not_found", "There is no such portal.")
        return Access(state.snapshot.portals[slug], frozenset(scopes), None)
    token = token_of(state, request)
    if slug not in token.portals or slug not in state.snapshot.portals:
        raise Problem("not_found", "There is no such portal, or this token may not see it.")
    if token.scopes.isdisjoint(scopes):
        lacking = "` or `".join(scopes)
        raise Problem("scope_missing", f"This token lacks the scope `{lacking}`.", scope=scopes[0])
    return Access(state.snapshot.portals[slug], token.scopes, token)


def _is_run_key(state: State, request: Request) -> bool:
    # A command of the same user delivers through this server; it read the key from the lock.
    return hmac.compare_digest(
        bearer(request).encode("utf-8", "surrogateescape"), state.run_key.encode()
    )

"""From what the SDK raises to our errors: the code of a refusal, and never its words.

What a portal says in words, and what `requests` says of a URL, may hold a secret.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from b24pysdk.errors import (
    BitrixAPIError,
    BitrixRequestError,
    BitrixRequestTimeout,
    BitrixResponseError,
)
from requests.exceptions import SSLError

from eventstore.errors import EventstoreError
from eventstore.fetching.portal_client import (
    AuthFailed,
    BotNotFound,
    NotSubscribed,
    PortalError,
    RateLimited,
    Refused,
    Unreachable,
)

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")

_MEANINGS: Final[Mapping[str, type[PortalError]]] = {
    **dict.fromkeys(
        (
            "APPLICATION_NOT_FOUND",
            "AUTHORIZATION_ERROR",
            "AUTH_ERROR",
            "BOT_TOKEN_NOT_SPECIFIED",
            "ERROR_OAUTH",
            "EXPIRED_TOKEN",
            "INSUFFICIENT_SCOPE",
            "INVALID_CLIENT",
            "INVALID_CREDENTIALS",
            "INVALID_GRANT",
            "INVALID_SCOPE",
            "INVALID_TOKEN",
            "METHOD_CONFIRM_DENIED",
            "METHOD_CONFIRM_WAITING",
            "NOT_INSTALLED",
            "NO_AUTH_FOUND",
            "PAYMENT_REQUIRED",
            "PORTAL_DELETED",
            "SCOPE_ERROR",
            "USER_ACCESS_ERROR",
            "WRONG_AUTH_TYPE",
            "WRONG_CLIENT",
        ),
        AuthFailed,
    ),
    **dict.fromkeys(("BOT_ID_REQUIRED", "BOT_NOT_FOUND", "BOT_OWNERSHIP_ERROR"), BotNotFound),
    **dict.fromkeys(("ERROR_UNEXPECTED_ANSWER", "INTERNAL_SERVER_ERROR"), Unreachable),
    "USER_NOT_SUBSCRIBED": NotSubscribed,
}
_LATER: Final = frozenset({"OVERLOAD_LIMIT", "QUERY_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS"})
_BUDGET: Final = "OPERATION_TIME_LIMIT"
_TOO_MANY: Final = 429
_UNAUTHORIZED: Final = 401
_OF_THE_SERVER: Final = 500


def refusal(method: str, error: Exception) -> EventstoreError:
    """Return what an error of the SDK means. An error of ours is itself."""
    if isinstance(error, EventstoreError):
        return error
    if isinstance(error, BitrixAPIError):
        return _refused(method, error)
    return Unreachable(f"{method}: {_without_answer(error)}")


def _without_answer(error: Exception) -> str:
    if isinstance(error, BitrixResponseError):
        return f"status {error.response.status_code}, which is no answer"
    if isinstance(error, BitrixRequestTimeout):
        return "no answer in time"
    if not isinstance(error, BitrixRequestError):
        return f"no answer that can be read ({type(error).__name__})"
    if isinstance(error.args[1], SSLError):
        return "the certificate is not trusted: CHRONICLE_CA_BUNDLE says whom to trust"
    return f"no connection ({type(error.args[1]).__name__})"


def _refused(method: str, error: BitrixAPIError) -> PortalError:
    status = error.response.status_code
    code = code_of(error.json_response)
    said = f"{method}: {code}"
    if code == _BUDGET:
        return RateLimited(said, retry_after=_budget_ends(error), budget=True)
    if code in _LATER or status == _TOO_MANY:
        return RateLimited(said, retry_after=_retry_after(error))
    if code in _MEANINGS:
        return _MEANINGS[code](said)
    if code == "UNKNOWN" and status >= _OF_THE_SERVER:
        return Unreachable(f"{method}: status {status}")
    return AuthFailed(said) if status == _UNAUTHORIZED else Refused(said, code=code)


def code_of(answer: Any) -> str:
    """Return the code of an error's answer, `UNKNOWN` where it is none that can be shown."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        error = error.get("code")
    code = str(error or "").upper()
    return code if _CODE.fullmatch(code) else "UNKNOWN"


def _retry_after(error: BitrixAPIError) -> float | None:
    said = error.response.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() and len(said) < 6 else None  # noqa: PLR2004 - a day


def _budget_ends(error: BitrixAPIError) -> float | None:
    time = error.json_response.get("time")
    ends, now = (
        (time.get("operating_reset_at"), time.get("finish")) if isinstance(time, dict) else (0, 0)
    )
    if isinstance(ends, int | float) and isinstance(now, int | float) and 0 < ends - now < 3_600:  # noqa: PLR2004
        return float(ends - now)
    return _retry_after(error)

"""What goes wrong, said in HTTP: RFC 9457, with a code that never changes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import Response

STATUS: Final[Mapping[str, HTTPStatus]] = {
    "invalid_parameter": HTTPStatus.BAD_REQUEST,
    "unknown_parameter": HTTPStatus.BAD_REQUEST,
    "invalid_cursor": HTTPStatus.BAD_REQUEST,
    "naive_timestamp": HTTPStatus.BAD_REQUEST,
    "window_reversed": HTTPStatus.BAD_REQUEST,
    "unreadable_body": HTTPStatus.BAD_REQUEST,
    "token_missing": HTTPStatus.UNAUTHORIZED,
    "token_expired": HTTPStatus.UNAUTHORIZED,
    "token_unknown": HTTPStatus.UNAUTHORIZED,
    "scope_missing": HTTPStatus.FORBIDDEN,
    "token_narrowed": HTTPStatus.FORBIDDEN,
    "application_token_mismatch": HTTPStatus.FORBIDDEN,
    "portal_mismatch": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "exports_waiting": HTTPStatus.TOO_MANY_REQUESTS,
    "range_not_satisfiable": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "body_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "spool_full": HTTPStatus.SERVICE_UNAVAILABLE,
    "projection_behind": HTTPStatus.SERVICE_UNAVAILABLE,
    "exports_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "access_log_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "store_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every code that an answer can have, and its status."""


class Problem(Exception):
    """A request that cannot be answered as asked. The detail says what, where and what to do."""

    def __init__(self, code: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.members = members

    def response(self) -> Response:
        """Return the answer."""
        status = STATUS[self.code]
        body = {
            "type": f"urn:chronicle:problem:{self.code}",
            "title": status.phrase,
            "status": status.value,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }
        headers = {"Cache-Control": "no-store"}
        if status is HTTPStatus.REQUEST_TIMEOUT:
            headers["Connection"] = "close"  # nobody waits for the rest
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="chronicle"'
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = "1"
        if status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            headers["Content-Range"] = f"bytes */{self.members['size']}"
        if "retry_after" in self.members:
            headers["Retry-After"] = str(self.members["retry_after"])
        return Response(to_json(body), status, headers, "application/problem+json")

"""How a query string is read: what each parameter may be, and what is said when it is not."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from api.problems import Problem
from api.times import to_instant
from eventstore.event import Instant
from projections.facts import MAX_ID

_DIGITS: Final = len(str(MAX_ID))
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:[0-5]\d)?",
    re.ASCII | re.IGNORECASE,
)
_SHOWN: Final = 64
"""Characters of an unknown parameter's name that an answer repeats."""


def number_of(text: str) -> int:
    """Read an identifier, a position or a number: decimal digits, below 2^63.

    Raises ValueError.
    """
    if len(text) > _DIGITS or not (text.isascii() and text.isdecimal()) or int(text) > MAX_ID:
        raise ValueError("not a whole number below 2^63")
    return int(text)


def moment_of(text: str, zone: str | None = None) -> Instant:
    """Read an RFC 3339 time. One without an offset, or a date, whose midnight it is, is of `zone`.

    Without a zone it is a `naive_timestamp`; where the zone's clocks show it twice or never, it is
    `no_one_moment`. Of what ISO 8601 has beside it nothing is read. Raises ValueError, also for
    more than six digits of a second: it would be cut to another moment.
    """
    if not _DATE.fullmatch(text) and not _DATE_TIME.fullmatch(text):
        raise ValueError("no RFC 3339 time")
    at = datetime.fromisoformat(text.upper())
    if at.tzinfo is not None:
        return to_instant(at)
    if zone is None:
        raise PydanticCustomError("naive_timestamp", "has no zone")
    once, again = (at.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if once.utcoffset() != again.utcoffset():
        raise PydanticCustomError("no_one_moment", "is there twice, or never")
    return to_instant(once)


def _moment(text: str, asked: ValidationInfo) -> Instant:
    return moment_of(text, asked.data.get("tz"))


def _zone(text: str) -> str:
    if text not in _zones():
        raise ValueError("no zone")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _text_without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL is in no text")
    return text


Id = Annotated[
    int,
    BeforeValidator(number_of),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,19}$"}),
]
Number = Annotated[int, BeforeValidator(number_of)]
Moment = Annotated[
    Instant, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Word = Annotated[str, BeforeValidator(_text_without_nul)]
Zone = Annotated[str, BeforeValidator(_zone)]


def comma_list(*words: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return what reads a comma list of some of these words: each once, in this order."""

    def read(text: str) -> tuple[str, ...]:
        given = text.split(",")
        if not set(given) <= set(words):
            raise ValueError("another word")
        return tuple(word for word in words if word in given)

    word = f"({'|'.join(words)})"
    return (
        BeforeValidator(read),
        WithJsonSchema({"type": "string", "pattern": f"^{word}(,{word})*$"}),
    )


class Query(BaseModel):
    """The parameters of a request. Each says in its description what it must be."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    beside: ClassVar[frozenset[str]] = frozenset()
    """Parameters that do not narrow a list: a cursor is good for any value of them."""

    anchors: ClassVar[tuple[str, ...]] = ()
    """Parameters that say where a walk begins: one at most. Its cursors need not repeat it."""

    def filters(self) -> dict[str, Any]:
        """Return what narrows the list, by parameter."""
        given = self.model_dump(by_alias=True, exclude_none=True)
        beside = self.beside.union(self.anchors)
        return {name: value for name, value in given.items() if name not in beside}

    def anchor(self) -> tuple[str, int] | None:
        """Return where the walk begins, if the request says so."""
        given = ((name, getattr(self, name)) for name in self.anchors)
        return next(((name, value) for name, value in given if value is not None), None)


Q = TypeVar("Q", bound=Query)


def read_query(request: Request, model: type[Q]) -> Q:
    """Read the parameters of a request.

    Raises Problem: unknown_parameter (in an audit, a mistyped filter must not widen the answer),
    invalid_parameter, naive_timestamp or window_reversed. Values are never repeated in it.
    """
    items = request.query_params.multi_items()
    given = dict(items)
    known = fields_of(model)
    for name in given:
        if name not in known:
            raise _unknown(name[:_SHOWN], known)
    if len(given) < len(items):
        names = [name for name, _ in items]
        repeated = next(name for name in names if names.count(name) > 1)
        raise Problem("invalid_parameter", f"`{repeated}` is given twice.", parameter=repeated)
    try:
        return model.model_validate(given) if given else _unasked(model)
    except ValidationError as error:
        problem = _problem(error, known)
    raise problem  # out here, where no error that knows the value clings to it


@cache
def _unasked(model: type[Q]) -> Q:
    """Return what is asked without parameters. It is frozen: one is good for all requests."""
    return model()


@cache
def fields_of(model: type[Query]) -> Mapping[str, FieldInfo]:
    """Return the parameters of a query by the names that requests give them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _unknown(name: str, known: Mapping[str, FieldInfo]) -> Problem:
    there = f"There are: {', '.join(sorted(known))}." if known else "There are none."
    return Problem("unknown_parameter", f"There is no parameter {name!r}. {there}", parameter=name)


def _problem(error: ValidationError, known: Mapping[str, FieldInfo]) -> Problem:
    first = error.errors(include_url=False, include_context=True, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else first.get("ctx", {}).get("parameter", "")
    if first["type"] == "window_reversed":
        return Problem("window_reversed", "`from` must be earlier than `to`.", parameter="from")
    if first["type"] == "naive_timestamp":
        detail = (
            f"`{name}` must be a date and a time with its zone: Z, or an offset such as %2B02:00;"
            " or say by `tz` of which zone it is."
        )
        return Problem("naive_timestamp", detail, parameter=name)
    if first["type"] == "no_one_moment":
        detail = f"`{name}` is there twice, or never, in this zone: write it with its offset."
        return Problem("invalid_parameter", detail, parameter=name)
    if first["type"] == "needs":
        detail = f"`{name}` says how to search: give `q`, too."
        return Problem("invalid_parameter", detail, parameter=name)
    if first["type"] == "two_anchors":
        detail = f"`{name}` says where to begin, and another parameter does so too."
        return Problem("invalid_parameter", detail, parameter=name)
    detail = f"`{name}` must be {known[name].description}."
    return Problem("invalid_parameter", detail, parameter=name)

"""The types of the wire: lax about spelling, silent about values.

A wire model is a TypedDict of the fields that we use, read straight from the JSON text. Both wire
forms are accepted: typed JSON, and PHP's form where every scalar is a string and nothing at all
may be `""`, `[]`, `{}`, null or missing (reference, traps 18, 19, 21, 41). A field that says
nothing is None and an object that says nothing has only such fields, so that readers need not ask
whether a key is there.

TypedDicts because of speed: pydantic reads them 2.3 times faster than models, and this is the
innermost loop of every rebuild.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Final, Generic, Required, TypeVar, get_args

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypedDict

from eventstore.event import Instant
from projections.facts import MAX_ID

T = TypeVar("T")

_NOTHING: Final[tuple[Any, ...]] = ("", "0", None, False, [], {})  # and 0, which equals False
_CHOICE: Final = "?"  # in the place of an error: one of several spellings
_KEYED: Final = "*"  # in the place of an error: the next part is a key, so the sender's word
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_ID: Final = re.compile("[0-9]{1,19}")


def _always(schema: CoreSchema) -> GetPydanticSchema:
    return GetPydanticSchema(lambda _source, _handler: schema)


def _or_none(schema: CoreSchema) -> CoreSchema:
    """Null and missing are None."""
    return core_schema.with_default_schema(core_schema.nullable_schema(schema), default=None)


def _number(*more: CoreSchema) -> CoreSchema:
    """A count that both engines can hold, also as a string; a boolean is none."""
    fits = core_schema.int_schema(ge=0, le=MAX_ID)
    return core_schema.union_schema(
        [
            core_schema.int_schema(strict=True, ge=0, le=MAX_ID),
            core_schema.chain_schema([core_schema.str_schema(strict=True), fits]),
            *more,
        ],
        mode="left_to_right",
        custom_error_type="number",
        custom_error_message="not a number from 0 to 2^63 - 1",
    )


_ABSENT: Final = core_schema.chain_schema(
    [
        core_schema.literal_schema(["", False]),
        core_schema.with_default_schema(
            core_schema.none_schema(), default=None, on_error="default"
        ),
    ]
)


def _moment(sent: Any) -> Instant | None:
    if sent in _NOTHING:  # a string or false: false comes as "0", and is no date (trap 21)
        return None
    try:
        at = datetime.fromisoformat(sent)
        instant = (at - _EPOCH) // _MICROSECOND
    except (TypeError, ValueError):  # TypeError: no text, or no zone
        raise PydanticCustomError("moment", "not a moment with a zone") from None
    if not _FIRST <= instant <= _LAST:  # the year 1, east of Greenwich
        raise PydanticCustomError("moment", "not within the years 1 to 9999")
    return instant


def _sparse(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    filled = handler(source)
    empty = core_schema.no_info_before_validator_function(_nothing, filled)
    either = core_schema.union_schema([(filled, _CHOICE), (empty, _CHOICE)], mode="left_to_right")
    return core_schema.with_default_schema(either, default_factory=dict, validate_default=True)


def _nothing(sent: Any) -> dict[str, Any]:
    if sent in _NOTHING:
        return {}
    raise PydanticCustomError("nothing", "not an object")


def _listed(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    (member,) = get_args(source)
    keyed = core_schema.dict_schema(core_schema.str_schema(), handler.generate_schema(member))
    listed = core_schema.no_info_before_validator_function(_members, handler(source))
    sorted_out = core_schema.no_info_after_validator_function(_by_id, keyed)
    either = core_schema.union_schema(
        [(sorted_out, _KEYED), (listed, _CHOICE)], mode="left_to_right"
    )
    return core_schema.with_default_schema(either, default_factory=list)


def _by_id(keyed: dict[str, Any]) -> list[Any]:
    return [keyed[key] for key in sorted(keyed, key=lambda key: (len(key), key))]


def _members(sent: Any) -> list[Any]:
    if isinstance(sent, list):
        return sent
    return [] if sent in _NOTHING else [sent]


def _folded(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    lowered = core_schema.no_info_before_validator_function(_lowered, handler(source))
    return core_schema.with_default_schema(lowered, default_factory=dict, validate_default=True)


def _lowered(sent: Any) -> dict[str, Any]:
    if isinstance(sent, dict):
        return {key.lower(): value for key, value in sent.items()}
    return _nothing(sent)


Id = Annotated[int, _always(_number())]
"""An id that must be there."""

OptionalId = Annotated[int | None, _always(_or_none(_number(_ABSENT)))]
"""An id or another count; `""` and false say none. Where 0 means none, say `or None`."""

Text = Annotated[str | None, _always(_or_none(core_schema.str_schema(coerce_numbers_to_str=True)))]
"""A text; `""` is a text that is empty."""

Word = Annotated[str, _always(core_schema.str_schema(min_length=1))]
"""A code that must be there."""

Flag = Annotated[
    bool | None,
    _always(
        core_schema.with_default_schema(core_schema.bool_schema(), default=None, on_error="default")
    ),
]
"""A claim in any spelling (trap 21); an unknown one is None."""

Moment = Annotated[
    Instant | None,
    _always(
        core_schema.with_default_schema(
            core_schema.no_info_plain_validator_function(_moment), default=None
        )
    ),
]
"""An ISO 8601 time with its zone, as an Instant."""

Presence = Annotated[
    bool,
    _always(
        core_schema.with_default_schema(
            core_schema.no_info_plain_validator_function(lambda sent: sent not in (*_NOTHING, "N")),
            default=False,
        )
    ),
]
"""Whether there is something, whatever it is."""

Anything = Annotated[Any, Field(default=None)]
"""A value of no documented type."""

Sparse = Annotated[T, GetPydanticSchema(_sparse)]
"""An object, or one of the ways to say none: then all of its fields are None."""

Listed = Annotated[list[T], GetPydanticSchema(_listed)]
"""A list; a map keyed by id (trap 20), the lowest first; or one value in place of a list of one."""

Folded = Annotated[T, GetPydanticSchema(_folded)]
"""A Sparse object whose keys come in any case."""


class _Auth(TypedDict, total=False):
    user_id: OptionalId


class Envelope(TypedDict, Generic[T], total=False):
    """A webhook or a queue item: the envelope's other fields became the event's header."""

    data: Required[T]
    auth: Sparse[_Auth]


def reader(model: type[T]) -> Callable[[str], Envelope[T]]:
    """How to read an envelope around this model from JSON text. It raises ValidationError."""
    adapter: TypeAdapter[Envelope[T]] = TypeAdapter(
        Envelope[model],  # type: ignore[valid-type]  # a model chosen at run time
        config=ConfigDict(hide_input_in_errors=True),
    )
    return adapter.validator.validate_json


def reason(error: ValidationError) -> str:
    """Say the place and the kind of the deepest fault, and never the sender's words."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    fault = max(faults, key=lambda fault: len(fault["loc"]))
    parts = (None, *fault["loc"])
    place = ".".join(
        str(part) for before, part in pairwise(parts) if part != _CHOICE and before != _KEYED
    )
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def id_in(text: str | None) -> int | None:
    """The id that this text spells, or None."""
    number = int(text) if text and _ID.fullmatch(text) else 0
    return number if 0 < number <= MAX_ID else None


def chat_of_dialog(dialog_id: str | None) -> int | None:
    """The chat id in `chat2207`. A private dialog's id is its reader's view (trap 14): None."""
    if dialog_id is None or not dialog_id.startswith("chat"):
        return None
    return id_in(dialog_id.removeprefix("chat"))

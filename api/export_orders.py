"""What may be ordered of a portal: the body of an order, and what a token may have of it."""

from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    WithJsonSchema,
)
from starlette.requests import Request

from api.auth import Access
from api.bodies import read_body
from api.parameters import moment_of, number_of
from api.problems import Problem
from api.state import State
from api.times import now
from eventstore.body import parse_json
from eventstore.errors import UnreadableBody
from eventstore.event import Instant
from projections.export.names import TABLE_NAMES, FormatName, TableName
from projections.export.orders import Ordered
from projections.export.wanted import Wanted
from projections.facts import MAX_ID

_MOST_CHATS: Final = 500
_SHOWN: Final = 64
"""Characters of an unknown field's name that an answer repeats."""

_GONE: Final = "messages:read.deleted"
_EVENTS: Final = "events:read"
_MOMENT: Final = "an RFC 3339 time with its zone, as 2026-09-14T07:15:00Z"
_IDS: Final = f"a list of 1 to {_MOST_CHATS} identifiers: strings of decimal digits, below 2^63"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - pydantic lets a TypeError through
    return value


def _moment(value: Any) -> Instant:
    return moment_of(_text(value))


def _number(value: Any) -> int:
    return number_of(_text(value))


_Moment = Annotated[
    Annotated[int, BeforeValidator(_moment), WithJsonSchema({"type": "string"})] | None,
    Field(description=_MOMENT),
]
_Id = Annotated[
    int,
    BeforeValidator(_number),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,19}$"}),
]


class ExportOrder(BaseModel):
    """What an export is to have. Without `tables` it has all that the token may see."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Annotated[FormatName, Field(description="`parquet`, `csv` or `jsonl`")] = "parquet"
    tables: Annotated[
        tuple[TableName, ...] | None,
        Field(min_length=1, description=f"a list of some of {', '.join(TABLE_NAMES)}"),
    ] = None
    from_position: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=MAX_ID)] | None,
        Field(description="a position, as a number, to have only what changed from there on"),
    ] = None
    as_of: _Moment = None
    chats: Annotated[
        tuple[_Id, ...] | None, Field(min_length=1, max_length=_MOST_CHATS, description=_IDS)
    ] = None
    since: _Moment = None
    until: _Moment = None
    formula_guard: Annotated[
        StrictBool, Field(description="true or false: in CSV, keep texts from being formulas")
    ] = True
    byte_order_mark: Annotated[
        StrictBool, Field(description="true or false: begin CSV files with one, for Excel")
    ] = False


async def read_order(state: State, request: Request) -> ExportOrder:
    """Read the body of an order; an empty one orders everything.

    Raises Problem: unreadable_body, unknown_parameter, invalid_parameter, naive_timestamp,
    window_reversed, and those of `read_body`. Values are never repeated in it.
    """
    body = await read_body(request, state.settings)
    try:
        given = parse_json(body) if body.strip() else {}
    except UnreadableBody as error:
        raise Problem("unreadable_body", f"This body cannot be read: {error}.") from None
    if not isinstance(given, dict):
        raise Problem("unreadable_body", "This body cannot be read: it must be a JSON object.")
    try:
        order = ExportOrder.model_validate(given)
    except ValidationError as error:
        problem = _refusal(error)
    else:
        _check_times(order)
        return order
    raise problem  # out here, where no error that knows the value clings to it


def _check_times(order: ExportOrder) -> None:
    if order.since is not None and order.until is not None and order.since >= order.until:
        detail = "`since` must be earlier than `until`."
        raise Problem("window_reversed", detail, parameter="since")
    if order.as_of is not None and order.as_of > now():
        raise Problem("invalid_parameter", "`as_of` is later than now.", parameter="as_of")


def _refusal(error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name, known = str(first["loc"][0]), ExportOrder.model_fields
    if name not in known:
        detail = f"There is no field {name[:_SHOWN]!r}. There are: {', '.join(sorted(known))}."
        return Problem("unknown_parameter", detail, parameter=name[:_SHOWN])
    code = "naive_timestamp" if first["type"] == "naive_timestamp" else "invalid_parameter"
    return Problem(code, f"`{name}` must be {known[name].description}.", parameter=name)


def wanted_of(access: Access, order: ExportOrder) -> Wanted:
    """Return what is exported for a token, which gets no more than it may see.

    Raises Problem(scope_missing).
    """
    sees_events = access.sees_deleted and _EVENTS in access.scopes
    tables = order.tables or tuple(name for name in TABLE_NAMES if name != "events" or sees_events)
    if "events" in tables and not sees_events:
        lacking = _GONE if _EVENTS in access.scopes else _EVENTS
        raise _lacks(lacking, "the table `events` needs: payloads have every text")
    if order.as_of is not None and not access.sees_deleted:
        raise _lacks(_GONE, "`as_of` needs: what was said then may have been taken back since")
    return Wanted(
        portal=access.portal.slug,
        format=order.format,
        tables=tuple(name for name in TABLE_NAMES if name in tables),
        from_position=order.from_position,
        as_of=order.as_of,
        chats=None if order.chats is None else tuple(sorted(set(order.chats))),
        since=order.since,
        until=order.until,
        formula_guard=order.formula_guard,
        byte_order_mark=order.byte_order_mark,
        withhold=not access.sees_deleted,
    )


def _lacks(scope: str, why: str) -> Problem:
    detail = f"This token lacks the scope `{scope}`, which {why}."
    return Problem("scope_missing", detail, scope=scope)


def may_see(access: Access, order: Ordered) -> bool:
    """Say whether a token may see an export now, whoever ordered it.

    One without texts that were taken back is for who ordered it, and for who may see those: what
    stood when it was made may have been taken back since, and a new token must not find it there.
    """
    if "events" in order.wanted.tables and _EVENTS not in access.scopes:
        return False
    is_own = access.token is not None and access.token.id == order.token_id
    return access.sees_deleted or (order.wanted.withhold and is_own)

"""What a request may ask: the parameters of every resource."""

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from api.models import TextForm
from api.parameters import Id, Moment, Number, Query, Word, number_of
from projections.changes import KINDS, Kind

_ID: Final = "an identifier: decimal digits, below 2^63"
_KIND: Final = "|".join(KINDS)
_MOMENT: Final = "an RFC 3339 time with its zone, as 2026-09-14T07:15:00Z; a + is written %2B"


Render = Annotated[
    TextForm | None,
    Field(description="`raw`, `plain` or `html`: the form of every text in the answer"),
]


def _kinds_of(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(text.split(","))))


Kinds = Annotated[
    tuple[Kind, ...],
    BeforeValidator(_kinds_of),
    WithJsonSchema({"type": "string", "pattern": f"^({_KIND})(,({_KIND}))*$"}),
]


class PortalQuery(Query):
    """What every resource of a portal takes."""

    beside = frozenset({"min_position", "render", "diff"})

    min_position: Annotated[
        Number | None, Field(description="a position, below 2^63: the answer waits for it, 2 s")
    ] = None


class MessageQuery(PortalQuery):
    """One message."""

    render: Render = None


class Paged(PortalQuery):
    """What every list takes."""

    beside = PortalQuery.beside | {"cursor", "limit"}

    cursor: Annotated[
        Word | None, Field(description="`page.next` of the answer before; keep the filters")
    ] = None
    limit: Annotated[
        int,
        Field(ge=1, le=500, description="a whole number from 1 to 500"),
        BeforeValidator(number_of),
    ] = 100


class ChatsQuery(Paged):
    """Chats, of one type if asked."""

    type: Annotated[
        Word | None, Field(min_length=1, description="a type of chat, as `chat` or `private`")
    ] = None


class TimelineQuery(Paged):
    """A place in a chat; without one, its beginning."""

    anchors = ("around", "before", "after")

    around: Annotated[Id | None, Field(description=_ID)] = None
    before: Annotated[Id | None, Field(description=_ID)] = None
    after: Annotated[Id | None, Field(description=_ID)] = None
    render: Render = None

    @model_validator(mode="after")
    def _begins_once(self) -> Self:
        given = [name for name in self.anchors if getattr(self, name) is not None]
        if len(given) > 1:
            raise PydanticCustomError("two_anchors", "two anchors", {"parameter": given[1]})
        return self


class MessagesQuery(Paged):
    """Messages across chats, of a half-open window of their creation."""

    chat: Annotated[Id | None, Field(description=_ID)] = None
    author: Annotated[Id | None, Field(description=_ID)] = None
    from_: Annotated[Moment | None, Field(alias="from", description=_MOMENT)] = None
    to: Annotated[Moment | None, Field(description=_MOMENT)] = None
    state: Annotated[
        Literal["live", "deleted"] | None, Field(description="`live` or `deleted`")
    ] = None
    render: Render = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise PydanticCustomError("window_reversed", "reversed")
        return self


class VersionsQuery(Paged):
    """The texts of one message, with what changed from each to the next if asked."""

    diff: Annotated[Literal["words"] | None, Field(description="`words`")] = None
    render: Render = None


class IntervalsQuery(Paged):
    """What is so now, or also what was."""

    view: Annotated[
        Literal["current", "intervals"], Field(description="`current` or `intervals`")
    ] = "current"


class ChangesQuery(Paged):
    """A place in the log, exclusive; without one, its beginning. Of all changes, or of some."""

    anchors = ("after",)

    after: Annotated[Number | None, Field(description="a position, below 2^63")] = None
    kinds: Annotated[Kinds | None, Field(description=f"some of {', '.join(KINDS)}")] = None
    chat: Annotated[Id | None, Field(description=_ID)] = None


class EventsQuery(Paged):
    """A place in the log, exclusive; without one, its beginning."""

    anchors = ("after",)

    after: Annotated[Number | None, Field(description="a position, below 2^63")] = None

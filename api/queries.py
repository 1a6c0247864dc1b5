"""What a request may ask: the parameters of every resource."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from api.models import TextForm
from api.parameters import Id, Moment, Number, Query, Word, Zone, comma_list, number_of
from eventstore.event import Instant
from projections.changes import KINDS, Kind
from projections.read.filters import FILTERS
from projections.search.terms import MOST_TERMS, terms_of

_ID: Final = "an identifier: decimal digits, below 2^63"
_MOMENT: Final = (
    "an RFC 3339 time with its zone, as 2026-09-14T07:15:00Z; a + is written %2B. With `tz` it may"
    " be a local time, or a date: its midnight"
)
_LONGEST_QUERY: Final = 256

Render = Annotated[
    TextForm | None,
    Field(description="`raw`, `plain` or `html`: the form of every text in the answer"),
]


def _search(text: str) -> str:
    if len(text) > _LONGEST_QUERY or not 0 < len(terms_of(text)) <= MOST_TERMS:
        raise ValueError("nothing to look for, or too much")
    return text


Search = Annotated[
    Annotated[Word, AfterValidator(_search), Field(max_length=_LONGEST_QUERY)] | None,
    Field(
        description='words, `"a phrase"` or `beginnin*`, all of which a text has: of letters and'
        " digits, at most 256 characters and 20 of them",
    ),
]


Kinds = Annotated[tuple[Kind, ...], *comma_list(*KINDS)]


class PortalQuery(Query):
    """What every resource of a portal takes."""

    beside = frozenset({"min_position", "as_of", "as_of_position", "render", "diff", "tz"})

    tz: Annotated[
        Zone | None, Field(description="the IANA zone of times without an offset: `Europe/Riga`")
    ] = None
    min_position: Annotated[
        Number | None, Field(description="a position, below 2^63: the answer waits for it, 2 s")
    ] = None
    as_of: Annotated[Moment | None, Field(description=f"as it was then: {_MOMENT}")] = None
    as_of_position: Annotated[
        Number | None,
        Field(description="as it was known at this position of the log, at most its head"),
    ] = None

    @property
    def moment(self) -> tuple[Instant | None, int | None]:
        """The moment that is asked for. A walk stays at it."""
        return self.as_of, self.as_of_position


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
    """Chats, of one type if asked; with `q`, those whose titles have words that begin so."""

    q: Search = None
    type: Annotated[
        Word | None, Field(min_length=1, description="a type of chat, as `chat` or `private`")
    ] = None


class CoverageQuery(Paged):
    """One chat, or all, most recent activity first."""

    chat: Annotated[Id | None, Field(description=_ID)] = None


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


class Windowed(Paged):
    """What every list of a half-open window of time takes."""

    from_: Annotated[Moment | None, Field(alias="from", description=_MOMENT)] = None
    to: Annotated[Moment | None, Field(description=_MOMENT)] = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise PydanticCustomError("window_reversed", "reversed")
        return self


class MessagesQuery(Windowed):
    """Messages across chats, of a half-open window of their creation; or those that say `q`."""

    beside = Paged.beside | {"count", "context"}

    q: Search = None
    in_: Annotated[
        tuple[Literal["current", "versions", "deleted"], ...],
        *comma_list("current", "versions", "deleted"),
        Field(
            alias="in",
            description="in which texts `q` is looked for: a comma list of `current` (of live"
            " messages), `versions` (superseded ones) and `deleted` (the last of deleted messages)",
        ),
    ] = ("current",)
    context: Annotated[
        int | None,
        Field(ge=0, le=5, description="so many messages before and after each hit: 0 to 5"),
        BeforeValidator(number_of),
    ] = None
    chat: Annotated[Id | None, Field(description=_ID)] = None
    author: Annotated[Id | None, Field(description=_ID)] = None
    state: Annotated[
        Literal["live", "deleted"] | None, Field(description="`live` or `deleted`")
    ] = None
    has: Annotated[
        tuple[Literal["file", "forward", "reply", "reaction", "edit"], ...],
        *comma_list("file", "forward", "reply", "reaction", "edit"),
        Field(
            description="what a message has, all of it: a comma list of `file`, `forward`, `reply`,"
            " `reaction` (held now) and `edit`"
        ),
    ] = ()
    order: Annotated[Literal["asc", "desc"], Field(description="`asc` or `desc`, by id")] = "asc"
    count: Annotated[
        Literal["capped"] | None, Field(description="`capped`: count, but not beyond 10,000")
    ] = None
    render: Render = None

    @model_validator(mode="after")
    def _searches(self) -> Self:
        for name, field in (("in", "in_"), ("context", "context")):
            if self.q is None and field in self.model_fields_set:
                raise PydanticCustomError("needs", "needs q", {"parameter": name})
        return self

    def conditions(self) -> dict[str, Any]:
        """Return what narrows the messages, by the names of `projections.read.filters`."""
        given = {name: value for name, value in self.filters().items() if name in FILTERS}
        return given | {f"has_{part}": True for part in self.has}


class VersionsQuery(Paged):
    """The texts of one message, with what changed from each to the next if asked."""

    diff: Annotated[Literal["words"] | None, Field(description="`words`")] = None
    render: Render = None


class IntervalsQuery(Paged):
    """What is so now, or also what was."""

    view: Annotated[
        Literal["current", "intervals"], Field(description="`current` or `intervals`")
    ] = "current"


class Followable(Paged):
    """A place in the log, exclusive; without one, its beginning."""

    beside = Paged.beside | {"wait"}
    anchors = ("after",)

    after: Annotated[Number | None, Field(description="a position, below 2^63")] = None
    wait: Annotated[
        int | None,
        Field(ge=0, le=60, description="seconds to wait for something behind `after`, at most 60"),
        BeforeValidator(number_of),
    ] = None


class ChangesQuery(Followable):
    """A place in the log, and all changes behind it, or some."""

    kinds: Annotated[Kinds | None, Field(description=f"some of {', '.join(KINDS)}")] = None
    chat: Annotated[Id | None, Field(description=_ID)] = None


class AccessQuery(Windowed):
    """A place in the access log, exclusive; without one, its beginning."""

    anchors = ("after",)

    after: Annotated[Number | None, Field(description="a position, below 2^63")] = None
    token: Annotated[
        Word | None,
        Field(
            pattern="^[0-9a-f]{12}$", description="the id of a token: 12 digits and letters to `f`"
        ),
    ] = None

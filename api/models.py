"""The shapes of the answers. Identifiers are strings, times RFC 3339 in UTC, unknown is null."""

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict  # pydantic reads typing's only from 3.12 on

from eventstore.fetching.queues import State as QueueState
from projections import changes as change
from projections.export.names import FormatName
from projections.facts import Basis, Kind
from projections.words import Op

T = TypeVar("T")


Hole = TypedDict(
    "Hole",
    {
        "from": str | None,
        "until": str | None,
        "cause": str,
        "receiver": str | None,
        "repaired": bool,
    },
)
Hole.__doc__ = """What was not seen; it has no beginning, or no end yet, where that is null.

`receiver` came nearest to seeing it. `cause` is `before_subscription`,
`poll_outage_over_retention`, `poller_down`, `access_lost`, `receiver_sees_mentions_only` or
`foreign_reader`. `repaired`: the chat was read over REST since, as far back as the hole: what stood
there then is known, what had come and gone is not.
"""

Status = Literal["complete", "partial", "unknown"]


class Coverage(TypedDict):
    """How well that was seen which an answer shows, from the oldest message on.

    `complete`: nothing that happened from there until before the second of `until` is missing.
    `partial`: there are `holes`. `unknown`: no watched queue is known to have seen it, as where
    only webhooks told. `since` and `until` are the ends of what was covered; `reactions` is the
    same of reactions to messages, of which a bot's queue tells nothing.
    """

    status: Status
    since: str | None
    until: str | None
    reactions: Status
    holes: list[Hole]


class Meta(TypedDict):
    """What an answer is true for: `position` is projected, `head` is the newest in the log.

    All are null where an answer is about no portal. `generation` is there, and `older`, while
    other code than the server's has made what is read: it is being made anew.

    `coverage` is there in every list of what was sent or is made of that, and beside messages and
    chats; of several chats it is that of the portal: how its queues were watched. It is null for
    who sees some chats only.

    As of an earlier moment, `position` is what was known, and `fingerprint` stands for the code
    that says so: with both, the same request has the same answer for ever. One that names its
    position has nothing else here, since nothing else stays.
    """

    portal: str | None
    position: int | None
    head: NotRequired[int | None]
    fingerprint: NotRequired[str]
    generation: NotRequired[str]
    coverage: NotRequired[Coverage | None]


class Count(TypedDict):
    """How many there are; if it is `capped`, more than that."""

    value: int
    capped: bool


class Next(TypedDict):
    """The cursor of the next page, null only at the end; and how many there are, where asked."""

    next: str | None
    count: NotRequired[Count]


class One(TypedDict, Generic[T]):
    """One thing."""

    data: T
    meta: Meta


class Listed(TypedDict, Generic[T]):
    """A page of a list."""

    data: list[T]
    page: Next
    meta: Meta


class ProblemBody(TypedDict):
    """What went wrong (RFC 9457). `code` never changes; `detail` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    parameter: NotRequired[str]
    scope: NotRequired[str]
    retry_after: NotRequired[int]
    size: NotRequired[int]
    quarantine: NotRequired[int | None]


class Received(TypedDict):
    """A webhook's event is durable, at this position.

    While the database is away it has none yet, and is `spooled`.
    """

    position: int | None
    spooled: NotRequired[bool]


class Result(TypedDict):
    """What became of one event of a batch.

    `appended`, `duplicate` and `conflict` have a position; `spooled` has none yet; `quarantined`
    has the number of the sealed line, null if the quarantine is full, and says what is wrong.
    """

    outcome: str
    position: NotRequired[int | None]
    quarantine: NotRequired[int | None]
    detail: NotRequired[str]


class Results(TypedDict):
    """What became of a batch: one result an event, in their order."""

    results: list[Result]


class NotBefore(TypedDict):
    """Since when something may have been so that was only found to be, at `at`.

    It was last seen otherwise then. Left out where `at` is the time itself.
    """

    not_before: NotRequired[str]


class When(NotBefore):
    """A moment, and how it is known; `at` is null where nobody witnessed it."""

    at: str | None
    basis: Basis


class Person(TypedDict):
    """A user, as seen last; `id` is null where the source named nobody."""

    id: str | None
    name: str | None
    kind: Literal["user", "bot", "system"] | None


class Deed(NotBefore):
    """An edit or a deletion; `by` is null unless the source names the actor."""

    at: str | None
    basis: Basis
    by: str | None
    by_basis: Basis | None


class Reply(TypedDict):
    """What a message replies to, as far as the source gave it."""

    message_id: str | None
    author_id: str | None
    text: str | None


class Forward(TypedDict):
    """What a message forwards, as far as the source gave it."""

    chat_id: str | None
    message_id: str | None
    author_id: str | None


class Thread(TypedDict):
    """The chat of comments that a message has, or lies in."""

    chat_id: str


class File(TypedDict):
    """A file of a message: never an address."""

    id: str | None
    name: str | None
    type: str | None
    size: int | None


class Reaction(TypedDict):
    """Who holds one reaction now."""

    code: str
    count: int
    user_ids: list[str]


class Provenance(TypedDict):
    """Where the log tells of a message first and last, and who witnessed it."""

    first_position: int
    last_position: int
    witnesses: list[str]


Withheld = Literal["scope"] | None
"""Why a text or a payload that is known is null: the token lacks the scope."""


TextForm = Literal["raw", "plain", "html"]
"""As it was sent, with BB codes; as it reads; as HTML of an allow-list."""


class Message(TypedDict):
    """A message as it is now; a deleted one is shown with its last text.

    `text_form` is there where a form was asked for: that of its text, and of what it replies to.
    """

    id: str
    chat_id: str | None
    author: Person
    text: str | None
    text_form: NotRequired[TextForm]
    withheld: Withheld
    state: Literal["live", "deleted"]
    version: int
    versions: int
    system: bool
    posted: When
    edited: Deed | None
    deleted: Deed | None
    reply_to: Reply | None
    forward: Forward | None
    thread: Thread | None
    files: list[File]
    reactions: list[Reaction]
    provenance: Provenance


class Since(NotBefore):
    """When a version began, how that is known, and the first position that tells of it."""

    at: str
    basis: Basis
    position: int


class DiffPart(TypedDict):
    """A piece of text that two versions share, or that only one of them has."""

    op: Op
    text: str


Version = TypedDict(
    "Version",
    {
        "version": int,
        "text": str | None,
        "text_form": NotRequired[TextForm],
        "withheld": Withheld,
        "from": Since,
        "until": When | None,
        "witnesses": list[str],
        "diff": NotRequired[list[DiffPart] | None],
    },
)
Version.__doc__ = """A text that a message had, from one moment until the next.

`text_form` is there where a form was asked for; `diff` likewise, null for the first version and
where either text is withheld.
"""

Match = TypedDict(
    "Match",
    {
        "version": int,
        "standing": Literal["current", "deleted", "superseded"],
        "text": str,
        "from": Since,
        "until": When | None,
        "highlights": list[list[int]],
    },
)
Match.__doc__ = """A version that says what was looked for, as it was sent; until when it stood.

Each highlight is from where to before where, in code points of `text`; the first 50 are there.
"""


class Context(TypedDict):
    """The messages around a hit in its chat, oldest to newest."""

    before: list[Message]
    after: list[Message]


class Hit(Message):
    """A message, with what a search found; `context` is there where it was asked for."""

    match: NotRequired[Match]
    context: NotRequired[Context]


ReactionInterval = TypedDict(
    "ReactionInterval", {"code": str, "user_id": str, "from": When, "until": When | None}
)
ReactionInterval.__doc__ = "An interval in which a user held a reaction."


class Member(TypedDict):
    """An interval of a user in a chat; `joined.at` is null where nobody witnessed it."""

    user: Person
    joined: When
    first_seen_at: str
    left: When | None


class Entity(TypedDict):
    """What a chat is bound to."""

    type: str
    id: str | None


class Chat(TypedDict):
    """A chat, as seen last."""

    id: str
    title: str | None
    type: str | None
    owner_id: str | None
    entity: Entity | None
    first_seen_at: str
    last_activity_at: str
    messages: int


ChatVersion = TypedDict(
    "ChatVersion",
    {
        "id": str,
        "title": str | None,
        "type": str | None,
        "owner_id": str | None,
        "entity": Entity | None,
        "from": When,
        "until": When | None,
    },
)
ChatVersion.__doc__ = "What a chat showed from one moment until the next change."


class ChatWithHistory(Chat):
    """A chat, as seen last, and what it showed before."""

    history: list[ChatVersion]


UserKind = Literal["user", "bot"] | None
"""What a user is; null where nothing told."""

UserVersion = TypedDict(
    "UserVersion",
    {
        "name": str | None,
        "work_position": str | None,
        "kind": UserKind,
        "from": When,
        "until": When | None,
    },
)
UserVersion.__doc__ = "What a user's profile showed from one moment until the next change."


class User(TypedDict):
    """A user, as seen last, and every profile version seen."""

    id: str
    name: str | None
    work_position: str | None
    kind: UserKind
    first_seen_at: str
    last_seen_at: str
    history: list[UserVersion]


Change = TypedDict(
    "Change",
    {
        "position": int,
        "kind": change.Kind,
        "at": str | None,
        "not_before": NotRequired[str],
        "basis": Basis,
        "chat_id": str | None,
        "message_id": str | None,
        "user_id": str | None,
        "version": NotRequired[int],
        "by": NotRequired[str | None],
        "by_basis": NotRequired[Basis | None],
        "code": NotRequired[str],
        "action": NotRequired[Literal["added", "removed"]],
        "subject": NotRequired[Literal["chat", "user"]],
        "from": NotRequired[str],
        "to": NotRequired[str],
    },
)
Change.__doc__ = """Something that became known at a position, and was so from `at` on.

What was only found over REST was so at `at` at the latest, and `not_before` the moment at which it
was last seen otherwise. The ids say what it is about. An edit has its `version`, as it was
numbered then, and `by`, as a deletion has; a reaction has `code`, `action` and who reacted; a
`subject` was renamed `from` one name `to` another.
"""


class Changed(TypedDict):
    """What a position changed: the data of one message of a stream."""

    position: int
    changes: list[Change]


class Event(TypedDict):
    """An event of the log: its header and its redacted payload."""

    position: int
    key: str
    event_type: str
    source: str
    receiver: str
    sent_at: str | None
    received_at: str
    payload: Any


class Witnessing(Event):
    """An event that tells of a message; the payload needs the scope `events:read`."""

    withheld: Withheld


class UndecodedEvent(TypedDict):
    """An event that no decoder could read, and why."""

    position: int
    event_type: str
    reason: str


class SealedBody(TypedDict):
    """A body in quarantine: how it came, and why it could not be read."""

    number: int
    received_at: str
    source: str
    receiver: str
    reason: str
    size: int


class Connection(TypedDict):
    """A queue that is fetched: whose, where, and how it is.

    `user_receiver` is the user whose events come in a bot's queue too. Times called `…_at` are of
    this installation's clock, `watched_since` and `watched_until` of the portal's: up to there
    nothing is left in the queue. `seconds_left` is until the portal begins to forget the rest.
    """

    number: int
    receiver: str
    user_receiver: str | None
    domain: str
    state: QueueState
    state_since_at: str | None
    error: str | None
    last_attempt_at: str | None
    last_success_at: str | None
    failing_since_at: str | None
    fetched: int
    sees: str | None
    watched_since: str | None
    watched_until: str | None
    seconds_left: float | None


class PortalProgress(TypedDict):
    """A portal, and how far its log is projected; `lag` is in positions."""

    portal: str
    head: int
    projected: int
    lag: int


Interval = TypedDict("Interval", {"from": str, "until": str})
Interval.__doc__ = "From a moment until another, both included."


class Receiver(TypedDict):
    """When one receiver saw all of a chat."""

    receiver: str
    covered: list[Interval]


class OrphanIds(TypedDict):
    """How many orphans there are, and the newest of them, 100 at most."""

    count: Count
    ids: list[str]


class Orphans(TypedDict):
    """What tells of messages that are unknown.

    `messages` were edited, reacted to or deleted, and nobody saw what they were when they were
    created; `replies`, of the newest 2,000 replies, are to messages of which nothing was told.
    1,000 of each are counted at most.
    """

    messages: OrphanIds
    replies: OrphanIds


class ChatCoverage(Coverage):
    """How well a chat was seen, from its beginning on, and by whom.

    `orphans` is null as of an earlier moment, and for a token that sees messages of some time only.
    """

    chat_id: str
    receivers: list[Receiver]
    orphans: Orphans | None


class PortalCoverage(Coverage):
    """How the queues of a portal were watched: with all holes of each of them.

    Never `complete`: of the chats that no receiver has, nothing is known.
    """

    orphans: Orphans | None


class PortalCounts(TypedDict):
    """How much is known of a portal, and how much could not be read."""

    events: int
    messages: int
    chats: int
    users: int
    undecoded: int
    quarantined: int


class Portal(PortalProgress):
    """A portal, its progress, its counts, and how its queues were watched."""

    counts: PortalCounts
    coverage: PortalCoverage


class AccessEntry(TypedDict):
    """Who looked: an answer to a read, a stream's opening or closing, an export's order or removal.

    `answered_position` is what the answer was true for, `count` how many things it had. `token` is
    the id of a token, `request_id` what the answer had as `X-Request-Id`, `caller_request_id` what
    the caller sent as such.
    """

    position: int
    at: str
    kind: Literal["read", "stream_opened", "stream_closed", "export_ordered", "export_removed"]
    token: str
    route: str
    ids: dict[str, str]
    filters: dict[str, Any]
    answered_position: int
    count: int
    status: int
    request_id: str
    caller_request_id: str | None


class ExportAsked(TypedDict):
    """What an export was ordered to have, in the words of the order."""

    format: FormatName
    tables: list[str]
    from_position: int | None
    as_of: str | None
    chats: list[str] | None
    since: str | None
    until: str | None
    formula_guard: bool
    byte_order_mark: bool


class ExportProgress(TypedDict):
    """How much of an export is written: `pieces`, `of` so many, and their `rows`.

    Null is what is not known: `of` before it begins, the rest while nothing says how fast it is.
    """

    pieces: int
    of: int | None
    rows: int
    rows_per_second: float | None
    seconds_left: float | None


class ExportFailure(TypedDict):
    """Why an export was given up. `code` never changes; `detail` says what to do."""

    code: str
    detail: str


class Export(TypedDict):
    """An export that was ordered. `position` is what it knows of the log: fixed when it begins.

    `withheld` is `scope` where it has no text that was deleted or replaced, nor any quote, since
    who ordered it may not see those. `kept_until` is when the server removes it, null while it is
    not over or where it stays. `url` begins the addresses of its files.
    """

    id: str
    state: Literal["waiting", "running", "done", "failed"]
    ordered_at: str
    asked: ExportAsked
    withheld: Literal["scope"] | None
    position: int | None
    begun_at: str | None
    ended_at: str | None
    kept_until: str | None
    schema_version: int | None
    progress: ExportProgress
    failure: ExportFailure | None
    url: str


class ExportPart(TypedDict):
    """A file of an export: `sha256` is of its bytes, and its `ETag`."""

    path: str
    table: str
    rows: int
    bytes: int
    sha256: str
    url: str


class ExportWithParts(Export):
    """An export and, when it is done, its files; null before that."""

    manifest_url: str | None
    complete_url: str | None
    parts: list[ExportPart] | None


class EventType(TypedDict):
    """A type of event, its family, and the kinds of facts that it may be decoded to."""

    event_type: str
    family: str
    facts: list[Kind]

"""What is shown beside messages: names, reactions and threads, all found by one statement.

Each statement of a request costs about as much as finding its rows, so three are asked at once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, Self

from sqlalchemy import BigInteger, Integer, bindparam, cast, literal_column, null, select, union_all

from eventstore.database import Session, one_of, planned_once, text
from projections.profiles import chat, user_profile
from projections.reactions import reaction
from projections.read.users import Named

_NAME, _HELD, _COMMENTS = range(3)
_NOBODY: Final = cast(null(), BigInteger)
_NO_WORD: Final = cast(null(), text())


def _what(number: int) -> Any:
    return literal_column(str(number), Integer)


_COMMENTED: Final = select(
    _what(_COMMENTS), chat.c.chat_id, chat.c.parent_message_id, _NO_WORD, _NO_WORD
).where(chat.c.portal_id == bindparam("portal_id"))

_BESIDE: Final = planned_once(
    union_all(
        select(
            _what(_NAME), user_profile.c.user_id, _NOBODY, user_profile.c.name, user_profile.c.kind
        ).where(
            user_profile.c.portal_id == bindparam("portal_id"),
            one_of(user_profile.c.user_id, "user_ids"),
        ),
        select(
            _what(_HELD), reaction.c.message_id, reaction.c.user_id, reaction.c.code, _NO_WORD
        ).where(
            reaction.c.portal_id == bindparam("portal_id"),
            one_of(reaction.c.message_id, "message_ids"),
            reaction.c.until_basis.is_(None),
        ),
        _COMMENTED.where(one_of(chat.c.parent_message_id, "message_ids")),
        _COMMENTED.where(one_of(chat.c.chat_id, "chat_ids")),  # an OR would use no index
    )
)


class Beside(NamedTuple):
    """What belongs to some messages.

    `names` of users whose profile was never seen are left out; `reactions` are those held now, by
    message and code, with who holds them; `comments` is the chat of the comments on a message;
    `threads` are the chats that are such comments.
    """

    names: Mapping[int, Named]
    reactions: Mapping[int, Mapping[str, list[int]]]
    comments: Mapping[int, int]
    threads: Collection[int]

    @classmethod
    def of(
        cls,
        names: Mapping[int, Named],
        reactions: Mapping[int, Mapping[str, list[int]]],
        comments: Collection[tuple[int, int]],
    ) -> Self:
        """Make it of names, reactions, and chats each with the message that it comments on."""
        # Two chats that claim one message: the older chat, always.
        of_message = {message_id: chat_id for chat_id, message_id in sorted(comments, reverse=True)}
        return cls(names, reactions, of_message, {chat_id for chat_id, _ in comments})


async def beside(
    session: Session,
    portal_id: int,
    message_ids: Collection[int],
    *,
    user_ids: Collection[int],
    chat_ids: Collection[int],
) -> Beside:
    """Return what belongs to these messages, these authors of theirs, and these chats."""
    rows = await session.rows(
        _BESIDE,
        portal_id=portal_id,
        message_ids=sorted(message_ids),
        user_ids=sorted(user_ids),
        chat_ids=sorted(chat_ids),
    )
    names: dict[int, Named] = {}
    reactions: defaultdict[int, defaultdict[str, list[int]]] = defaultdict(
        lambda: defaultdict(list)
    )
    comments: list[tuple[int, int]] = []
    for what, one, other, word, kind in rows:
        if what == _NAME:
            names[one] = Named(word, kind)
        elif what == _HELD:
            reactions[one][word].append(other)
        elif other:
            comments.append((one, other))
    return Beside.of(names, reactions, comments)

"""What the owner of a queue sees, and what it does not: for people who connect one."""

from eventstore.fetching.connections import Connection

_USER = (
    "sees every message, edit, deletion, reaction and join in all chats of {}, from now on",
    "does not see chats that {} is not in, what happened before, who left, renamed or removed",
    "an edit made over REST may not come: `chronicle reconcile` finds it",
)
_EVERYTHING = "sees every message, edit and deletion in the chats that {} is in"
_MENTIONS = (
    "sees private chats with {}, and in groups what mentions it: an edit that takes the mention"
    " away, and what nobody addresses to it, do not come"
)
_BOT = (
    "sees reactions on its own messages only, and when it is put into a chat itself",
    "keeps events for 24 hours; it must be registered with eventMode=fetch",
)


def sight(connection: Connection, sees: str | None) -> list[str]:
    """Return what to know of a queue, a line each. `sees` is what is known of a bot."""
    lines: list[str] = []
    if connection.is_bot:
        said = {"everything": _EVERYTHING, "mentions": _MENTIONS}.get(sees or "")
        if said is None:
            said = f"a supervisor or personal bot {_EVERYTHING}; any other {_MENTIONS}"
        lines += [said.replace("{}", connection.receiver), *_BOT]
    user = connection.user_receiver if connection.is_bot else connection.receiver
    if user is not None:
        lines += [line.replace("{}", user) for line in _USER]
        lines.append(
            "the subscription is the user's, not ours: whoever ends it, ends it for all, and an"
            " application that reads this queue too takes events away"
        )
    return lines

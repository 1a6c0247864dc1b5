"""im v2: the events that a user is subscribed to, always by a queue."""

from collections.abc import Callable, Mapping
from typing import Final

from eventstore.event import Event
from projections.decode import v2
from projections.decode.wire import reader
from projections.errors import Undecodable
from projections.facts import Decoded

_read_scene: Final = reader(v2.Scene)


def _joined(event: Event) -> Decoded:
    """Decode the joining: `user` is who was added; nobody says by whom (reference, trap 5)."""
    sent = _read_scene(event.payload)["data"]
    user = sent["user"]["id"]
    if not user:
        raise Undecodable("data.user.id: nobody joined")
    told = v2.told_of(event, sent)
    told.state("member_joined", user_id=user)
    return told.decoded()


DECODERS: Final[Mapping[str, Callable[[Event], Decoded]]] = {
    "ONIMV2MESSAGEADD": v2.posted,
    "ONIMV2MESSAGEUPDATE": v2.edited,
    "ONIMV2MESSAGEDELETE": v2.deleted,
    "ONIMV2REACTIONCHANGE": v2.reacted,
    "ONIMV2JOINCHAT": _joined,
}

"""Every resource of a portal that can be read."""

from typing import Final

from api import (
    access,
    changes,
    chats,
    connections,
    coverage,
    events,
    exports,
    members,
    messages,
    portals,
    users,
)
from api.endpoint import Endpoint

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *portals.ENDPOINTS,
    *chats.ENDPOINTS,
    *members.ENDPOINTS,
    *messages.ENDPOINTS,
    *coverage.ENDPOINTS,
    *users.ENDPOINTS,
    *changes.ENDPOINTS,
    *events.ENDPOINTS,
    *connections.ENDPOINTS,
    *exports.ENDPOINTS,
    *access.ENDPOINTS,
)

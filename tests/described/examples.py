"""What is asked of every address: one example, whose answer is shown."""

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, str]] = {
    "/v1/portals": "/v1/portals",
    "/v1/event-types": "/v1/event-types",
    "/v1/portals/{portal}": "/v1/portals/acme",
    "/v1/portals/{portal}/chats": "/v1/portals/acme/chats?limit=1",
    "/v1/portals/{portal}/chats/{chat}": "/v1/portals/acme/chats/2340",
    "/v1/portals/{portal}/chats/{chat}/messages": (
        "/v1/portals/acme/chats/2340/messages?limit=1&as_of=2026-09-14T08:10:00Z"
    ),
    "/v1/portals/{portal}/chats/{chat}/members": (
        "/v1/portals/acme/chats/2340/members?view=intervals"
    ),
    "/v1/portals/{portal}/messages": (
        "/v1/portals/acme/messages?q=120&in=current,versions&context=1&limit=1&count=capped"
    ),
    "/v1/portals/{portal}/messages/{message}": "/v1/portals/acme/messages/190600",
    "/v1/portals/{portal}/messages/{message}/versions": (
        "/v1/portals/acme/messages/190600/versions?diff=words"
    ),
    "/v1/portals/{portal}/messages/{message}/reactions": (
        "/v1/portals/acme/messages/190500/reactions?view=intervals&limit=1"
    ),
    "/v1/portals/{portal}/messages/{message}/events": (
        "/v1/portals/acme/messages/190602/events?limit=1"
    ),
    "/v1/portals/{portal}/coverage": "/v1/portals/acme/coverage?chat=2340",
    "/v1/portals/{portal}/users/{user}": "/v1/portals/acme/users/41",
    "/v1/portals/{portal}/events": "/v1/portals/acme/events?after=22&limit=1",
    "/v1/portals/{portal}/events/{position}": "/v1/portals/acme/events/61",
    "/v1/portals/{portal}/changes": "/v1/portals/acme/changes?chat=2340&limit=3",
    "/v1/portals/{portal}/undecoded": "/v1/portals/acme/undecoded",
    "/v1/portals/{portal}/quarantine": "/v1/portals/acme/quarantine",
    "/v1/portals/{portal}/connections": "/v1/portals/acme/connections",
    "/v1/portals/{portal}/exports": "/v1/portals/acme/exports",
    "/v1/portals/{portal}/exports/{export}": "/v1/portals/acme/exports/1789400000000000",
    "/v1/portals/{portal}/access": "/v1/portals/acme/access?limit=1",
}
"""An address with its query, by the path of the operation."""

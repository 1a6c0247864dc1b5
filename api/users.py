"""Users: who somebody is, and what their profile showed when."""

from api import models, shapes
from api.endpoint import Endpoint
from api.models import One
from api.queries import PortalQuery
from api.read import Read, no_such


async def one(read: Read[PortalQuery]) -> One[models.User]:
    """One user, and every profile version seen."""
    row = await read.reader.user(read.ids["user"])
    if row is None:
        raise no_such("user")
    versions = await read.reader.user_versions(row.user_id)
    return read.one(shapes.user(row, versions))


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/users/{user}",
        ("messages:read",),
        PortalQuery,
        One[models.User],
        "A user and the profile versions seen",
        one,
        narrows=True,
    ),
)

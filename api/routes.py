"""Every route that reads."""

from starlette.routing import Route


def routes() -> list[Route]:
    """Return the routes of the read API, its description and its page."""
    return []

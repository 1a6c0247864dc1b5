"""Every route that reads."""

from starlette.routing import Route

from api import event_types, exports, openapi, pages, portals
from api.export_files import DOWNLOADS
from api.resources import ENDPOINTS


def routes() -> list[Route]:
    """Return the routes of the read API, its description and its page."""
    return [
        Route("/v1/portals", portals.of_token, methods=["GET"]),
        Route("/v1/event-types", event_types.all_of_them, methods=["GET"]),
        *(Route(each.path, each.respond, methods=["GET"]) for each in ENDPOINTS),
        Route(exports.EXPORTS, exports.order, methods=["POST"]),
        Route(exports.EXPORT, exports.remove, methods=["DELETE"]),
        *(Route(each.route, each.respond, methods=["GET"]) for each in DOWNLOADS),
        Route("/openapi.json", openapi.document, methods=["GET"]),
        Route("/docs", pages.docs, methods=["GET"]),
    ]

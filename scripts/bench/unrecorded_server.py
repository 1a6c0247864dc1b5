"""The server without its access log, to see what that costs: it answers, and records nobody."""

from typing import Annotated

import typer

from api.access_log import AccessLog
from api.settings import Settings
from scripts.serve import serve_until_stopped


def serve(port: Annotated[int, typer.Option()]) -> None:
    """Serve the store of the environment until stopped."""

    async def nothing(*_arguments: object, **_more: object) -> None:
        pass

    async def ready(_address: object) -> bool:
        return True

    AccessLog.read = nothing  # type: ignore[method-assign]
    serve_until_stopped(Settings(), "127.0.0.1", port, ready)


if __name__ == "__main__":
    typer.run(serve)

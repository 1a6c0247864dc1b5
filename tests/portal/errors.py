"""What the portal answers instead of a result."""


class PortalError(Exception):
    """A refusal: its HTTP status and what stands in its body."""

    def __init__(self, status: int, code: str, description: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.description = description

    @property
    def body(self) -> dict[str, str]:
        """The answer, as the samples of errors have it."""
        return {"error": self.code, "error_description": self.description}


class NetworkCut(ConnectionError):
    """The network was lost, before the portal heard the call or before its answer was heard."""

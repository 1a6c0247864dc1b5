"""Who calls, and with which parameters: read as a portal reads them, whatever their spelling."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.portal.errors import PortalError


class Caller(NamedTuple):
    """The user a credential stands for, its name among readers, and its application, if any."""

    user: int
    reader: str
    application: str | None


class Params:
    """Parameters by name, in any case; numbers may be spelled as strings."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = {name.lower(): value for name, value in given.items()}

    def text(self, name: str) -> str:
        """Give a text, empty when it is missing."""
        value = self._given.get(name.lower())
        return "" if value is None else str(value)

    def number(self, name: str, refusal: str) -> int | None:
        """Give a number, None when it is missing.

        Raises PortalError with the code `refusal` when it is none.
        """
        value = self.text(name)
        if not value:
            return None
        try:
            return int(value)
        except ValueError:
            raise PortalError(400, refusal, f"{name} must be a number") from None

    def limit(self, name: str, default: int, most: int) -> int:
        """Give how many are asked for: at least one, at most what the method allows."""
        asked = self.number(name, "INVALID_ARG_VALUE")
        return max(1, min(default if asked is None else asked, most))

    def flag(self, name: str) -> bool:
        """Give a yes or no, in any of its spellings."""
        return self.text(name).lower() in {"true", "1", "y"}

    def order(self) -> bool:
        """Say whether `ORDER` asks for ascending ids."""
        value = self._given.get("order")
        asked = (
            {str(k).lower(): str(v).lower() for k, v in value.items()}
            if isinstance(value, Mapping)
            else {}
        )
        return asked.get("id") == "asc"

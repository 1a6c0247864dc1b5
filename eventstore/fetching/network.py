"""How portals are reached: whose certificates are trusted, and where tokens are exchanged."""

import ssl
from pathlib import Path
from typing import Final, NamedTuple

OAUTH_SERVER: Final = "https://oauth.bitrix24.tech"
"""Where cloud portals have their tokens exchanged."""


class Network(NamedTuple):
    """How portals are reached: certificates to trust (None: the system's), and the OAuth server."""

    ca_bundle: Path | None = None
    oauth_server: str = OAUTH_SERVER

    @property
    def verify(self) -> str | bool:
        """What `requests` takes."""
        if self.ca_bundle is not None:
            return str(self.ca_bundle)
        system = ssl.get_default_verify_paths()
        folder = system.capath and any(Path(system.capath).iterdir()) and system.capath
        return system.cafile or folder or True

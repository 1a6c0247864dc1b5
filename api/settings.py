"""The environment, read once."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from eventstore.fetching.network import OAUTH_SERVER, Network
from eventstore.folder import Folder
from eventstore.store import Store, store_at

_SIZES = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def _size(value: Any) -> Any:
    match = re.fullmatch(r"(\d+)\s*(|[kmg]ib)", str(value).strip().lower())
    return int(match[1]) * _SIZES[match[2]] if match else value


_DURATIONS = {"": 1, "s": 1, "min": 60, "h": 3_600, "d": 86_400}


def _seconds(value: Any) -> Any:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|s|min|h|d)", str(value).strip().lower())
    return float(match[1]) * _DURATIONS[match[2]] if match else value


def _off(value: Any) -> Any:
    return None if str(value).strip().lower() in {"", "off"} else _seconds(value)


Size = Annotated[int, BeforeValidator(_size), Field(ge=1024)]
"""Bytes: `2 MiB`, `512 KiB`, or a plain number."""

Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=3600)]
"""Seconds: `10 s`, `1 min`, or a plain number."""

Interval = Annotated[Annotated[float, Field(ge=1, le=366 * 86_400)] | None, BeforeValidator(_off)]
"""Seconds: `24 h`, `7 d`, or a plain number; None for `off`."""


class Settings(BaseSettings):
    """What the operator decides, from `CHRONICLE_…` variables or a `.env` file."""

    model_config = SettingsConfigDict(
        env_prefix="CHRONICLE_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    database: Annotated[
        str, Field(description="folder of the SQLite files as sqlite:///PATH, or postgresql://…")
    ] = "sqlite:///data"
    secret_key_file: Annotated[
        Path | None, Field(description="key of fingerprints, cursors and sealed things")
    ] = None
    spool: Annotated[
        Path, Field(description="folder of events that wait for PostgreSQL; each server its own")
    ] = Path("data/spool")
    spool_max: Annotated[
        Size, Field(ge=2**20, description="a fuller spool answers 503, in bytes")
    ] = 2**30
    exports: Annotated[
        Path | None, Field(description="folder of the exports that were ordered over HTTP")
    ] = None
    exports_keep: Annotated[
        Interval, Field(description="remove them so long after they ended, or off, in seconds")
    ] = 7 * 86_400.0
    max_body: Annotated[Size, Field(description="larger ingest bodies get 413, in bytes")] = 2**21
    body_deadline: Annotated[
        Seconds,
        Field(description="slower ingest bodies get 408, slower headers are cut off, in seconds"),
    ] = 10.0
    project: Annotated[bool, Field(description="run the projector in this process")] = True
    poll: Annotated[
        bool, Field(description="poll the queues of all connections in this process")
    ] = False
    ca_bundle: Annotated[
        Path | None, Field(description="certificates to trust when calling a portal: a PEM file")
    ] = None
    oauth_server: Annotated[
        str, Field(description="where the tokens of OAuth applications are exchanged")
    ] = OAUTH_SERVER
    access_wait: Annotated[
        bool, Field(description="an answer waits until it is durable who read it")
    ] = True
    trusted_proxies: Annotated[
        int, Field(ge=0, le=16, description="so many proxies add to X-Forwarded-For")
    ] = 0
    verify_every: Annotated[
        Interval, Field(description="verify the store again after so long, or off, in seconds")
    ] = None
    verify_share: Annotated[
        float, Field(gt=0, le=1, description="of one core, for that verification")
    ] = 0.2
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="the least that is logged")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "console"],
        Field(description="auto: JSON when stderr is not a terminal"),
    ] = "auto"

    @field_validator("database")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        store_at(value)
        return value

    @field_validator("oauth_server")
    @classmethod
    def _over_tls(cls, value: str) -> str:
        if not re.fullmatch(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?", value):
            raise ValueError("must be https://HOST")
        return value.rstrip("/")

    @field_validator("ca_bundle")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("must be a file of certificates")
        return value

    @property
    def network(self) -> Network:
        """How portals are reached."""
        return Network(self.ca_bundle, self.oauth_server)

    @property
    def exports_folder(self) -> Path:
        """Where the exports are: in the folder of the store, if it is one."""
        if self.exports is not None:
            return self.exports
        store = self.store
        return (store.path if isinstance(store, Folder) else Path("data")) / "exports"

    @property
    def store(self) -> Store:
        """The store that these settings name."""
        return store_at(self.database, self.secret_key_file)

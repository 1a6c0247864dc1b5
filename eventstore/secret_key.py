"""The installation's secret key: where it lives, and what is made from it."""

import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore.errors import WrongSecretKey

_FILE: Final = re.compile(rb"(\d{1,9}) ([0-9a-f]{64})\n?")
_NONCE: Final = 12


@dataclass(frozen=True)
class SecretKey:
    """A numbered key. Every use has a key of its own, derived from this one.

    The file holds one line, `<number> <64 hex digits>`, and is readable by its owner only.
    """

    number: int
    master: bytes = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "SecretKey":
        """Read the key file.

        Raises WrongSecretKey when the file is missing, cannot be read, or is no key file.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise WrongSecretKey(f"{path} is missing: put back the key of this store") from None
        except OSError as error:
            raise WrongSecretKey(f"{path} cannot be read: {error.strerror}") from None
        match = _FILE.fullmatch(content)
        if match is None:
            raise WrongSecretKey(f"{path} holds no key: expected `<number> <64 hex digits>`")
        return cls(int(match[1]), bytes.fromhex(match[2].decode()))

    @classmethod
    def load_or_create(cls, path: Path) -> "SecretKey":
        """Read the key file, or make it with a fresh key, durable and with mode 0600.

        Raises WrongSecretKey as `load` does, and when it cannot be made.
        """
        try:
            return cls.load(path) if path.exists() else cls._create(path)
        except OSError as error:
            raise WrongSecretKey(f"{path} cannot be made: {error.strerror}") from None

    @classmethod
    def _create(cls, path: Path) -> "SecretKey":
        key = cls(1, secrets.token_bytes(32))
        part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(f"{key.number} {key.master.hex()}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link does not replace: of two first starts at once, one key wins for both.
            path.hardlink_to(part)
        except FileExistsError:
            return cls.load(path)
        finally:
            part.unlink()
        return key

    def derive(self, purpose: str) -> bytes:
        """Return the 32 byte key of one purpose."""
        return hmac.digest(self.master, purpose.encode(), "sha256")

    @cached_property
    def check_value(self) -> str:
        """What the catalog keeps, so that another key is noticed at start."""
        return self.derive("check value").hex()

    def digest(self, purpose: str, secret: str) -> bytes:
        """Return what is stored of a secret that must be recognised but not known."""
        # A lone surrogate cannot be encoded strictly, and must not be an error here.
        return hmac.digest(self._cached(purpose), secret.encode("utf-8", "surrogatepass"), "sha256")

    def seal(self, body: bytes, about: str) -> bytes:
        """Encrypt a body; `about` must be given again to open it."""
        nonce = os.urandom(_NONCE)
        return nonce + self._sealing.encrypt(nonce, body, about.encode())

    def unseal(self, sealed: bytes, about: str) -> bytes:
        """Decrypt what `seal` made.

        Raises WrongSecretKey when the key, the bytes or `about` are not the same as then.
        """
        try:
            return self._sealing.decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except InvalidTag:
            raise WrongSecretKey(f"{about} was not sealed with this key, or was altered") from None

    @cached_property
    def _sealing(self) -> AESGCM:
        return AESGCM(self.derive("seal"))

    @cached_property
    def _derived(self) -> dict[str, bytes]:
        return {}

    def _cached(self, purpose: str) -> bytes:
        if purpose not in self._derived:
            self._derived[purpose] = self.derive(purpose)
        return self._derived[purpose]

"""The server's door for batches, and what it has answered for."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import httpx

from tests.faults.deliveries import body, key, webhook
from tests.faults.stores import Store
from tests.promises.server import FORM, SLUG

_PATIENCE: Final = 60
"""Seconds after which read models that do not catch up are a failure."""


class Door:
    """Delivers items, and keeps what became of them: the position of each key, or its refusal."""

    def __init__(self, store: Store, url: str) -> None:
        self.acknowledged: dict[str, int] = {}
        self.refused: set[int] = set()
        self._store = store
        token = f"Bearer {store.registered.token}"
        self._client = httpx.Client(base_url=url, headers={"Authorization": token})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def deliver(self, numbers: Sequence[int]) -> bool:
        """Deliver these items; say whether they were taken. Anything but yes or 503 is wrong."""
        answer = self._client.post(f"/v1/portals/{SLUG}/events", content=body(numbers))
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert answer.json()["code"] == "store_unavailable"
            self.refused.update(numbers)
            return False
        assert answer.status_code == httpx.codes.OK, answer.text
        for number, result in zip(numbers, answer.json()["results"], strict=True):
            self.acknowledged[key(number)] = result["position"]
        self.refused.difference_update(numbers)
        return True

    def hook(self, number: int) -> int:
        """Deliver a webhook; return its position."""
        path = f"/v1/hooks/{self._store.registered.ingest_key}"
        answer = self._client.post(path, content=webhook(number), headers={"Content-Type": FORM})
        assert answer.status_code == httpx.codes.OK, answer.text
        return int(answer.json()["position"])

    def wait_until_all_is_projected(self) -> None:
        """Return when the read models have all that was acknowledged."""
        deadline = time.monotonic() + _PATIENCE
        while (said := self._client.get("/readyz").json()) != {"status": "ready", "lag": 0}:
            assert time.monotonic() < deadline, said
            time.sleep(0.01)

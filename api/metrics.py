"""What the server counts, for Prometheus."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SPOOL: Final = {
    "events": "Events that wait for the log.",
    "bytes": "Bytes of what waits or was refused.",
    "oldest_seconds": "Age of the oldest event that waits.",
    "refused": "Events that the log does not take.",
}

VERIFIED: Final = {
    "events": "Events of the log that the last verification checked.",
    "differences": "What the last verification found that is not as it should be.",
    "seconds": "Seconds that the last verification took.",
    "finished_timestamp_seconds": "When the last verification ended.",
}

QUEUE: Final = {
    "success_age_seconds": "Since a queue was last read, by whichever process.",
    "retention_seconds": "Until its portal begins to forget what was not fetched.",
    "fetched": "Events that were fetched from it, since it was connected.",
}


class Metrics:
    """The counters of one server. Labels name portals and kinds, never people or texts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outcomes = Counter(
            "chronicle_events",
            "Events by outcome of their append.",
            ["outcome"],
            registry=self.registry,
        )
        self.append_seconds = Histogram(
            "chronicle_append_seconds",
            "From an event's arrival at the appender to its commit.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self.rejected = Counter(
            "chronicle_rejected",
            "Refused deliveries.",
            ["portal", "reason"],
            registry=self.registry,
        )
        self.quarantined = Counter(
            "chronicle_quarantined", "Bodies put in quarantine.", ["portal"], registry=self.registry
        )
        self.requests = Counter(
            "chronicle_requests",
            "Requests by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.head = Gauge("chronicle_head", "Newest position.", ["portal"], registry=self.registry)
        self.lag = Gauge(
            "chronicle_projection_lag",
            "Positions not yet projected.",
            ["portal"],
            registry=self.registry,
        )
        self.undecoded = Gauge(
            "chronicle_undecoded",
            "Events that no decoder read.",
            ["portal"],
            registry=self.registry,
        )

        self._spool = {
            name: Gauge(f"chronicle_spool_{name}", about, ["portal"], registry=self.registry)
            for name, about in SPOOL.items()
        }
        self.away = Gauge(
            "chronicle_log_away",
            "1 while events go to the spool.",
            registry=self.registry,
        )

        self._queue_state = Gauge(
            "chronicle_queue_state",
            "1 for the state that a portal's queue is in.",
            ["portal", "receiver", "state"],
            registry=self.registry,
        )
        self._queues = {
            name: Gauge(
                f"chronicle_queue_{name}", about, ["portal", "receiver"], registry=self.registry
            )
            for name, about in QUEUE.items()
        }

        self._exports = Gauge(
            "chronicle_exports",
            "Exports that wait, or are made now.",
            ["state"],
            registry=self.registry,
        )
        self.exports_failed = Counter(
            "chronicle_exports_failed",
            "Exports that were given up.",
            ["portal"],
            registry=self.registry,
        )

        self._verified: dict[str, Gauge] = {}
        self.verify_failures = Counter(
            "chronicle_verify_failures",
            "Verifications that could not be brought to their end.",
            registry=self.registry,
        )

    def show_verified(self, found: Mapping[str, float]) -> None:
        """Say what a verification found. Before the first one there is nothing to be read."""
        if not self._verified:
            self._verified = {
                name: Gauge(f"chronicle_verify_{name}", about, registry=self.registry)
                for name, about in VERIFIED.items()
            }
        for name, gauge in self._verified.items():
            gauge.set(found[name])

    def show_exports(self, *, waiting: int, running: int) -> None:
        """Say how many exports are not done yet."""
        self._exports.labels("waiting").set(waiting)
        self._exports.labels("running").set(running)

    def show_spool(self, by_portal: Mapping[str, Mapping[str, int]], *, away: bool) -> None:
        """Say how much waits in the spool, by portal."""
        self.away.set(away)
        for slug, depth in by_portal.items():
            for name, gauge in self._spool.items():
                gauge.labels(slug).set(depth[name])

    def show_queues(
        self, shown: Iterable[tuple[str, str, str, Mapping[str, float | None]]]
    ) -> None:
        """Say how queues are: portal, receiver, state, figures. Others are gone."""
        for gauge in (self._queue_state, *self._queues.values()):
            gauge.clear()
        for slug, receiver, state, figures in shown:
            self._queue_state.labels(slug, receiver, state).set(1)
            for name, gauge in self._queues.items():
                if (value := figures[name]) is not None:
                    gauge.labels(slug, receiver).set(value)

    def page(self) -> bytes:
        """Return the page that Prometheus reads."""
        return generate_latest(self.registry)

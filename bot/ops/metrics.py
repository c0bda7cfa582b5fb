"""Prometheus metrics: declarations of every metric and the methods that update them.

Counters and histograms are updated by events, gauges by `Figures` at each scrape.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

_SEND_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45)  # the last: the default of READ_SECONDS
_WAIT_BUCKETS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 3, 10, 60)  # 3 s: a group's 20 messages a minute
_HANDLER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)

Extent = Literal["chat", "bot"]  # of a flood
M = TypeVar("M", Counter, Histogram)


@lru_cache(maxsize=1024)
def _child(metric: M, *labels: str) -> M:
    """Return `metric.labels(*labels)`, cached; not for metrics that are cleared."""
    return metric.labels(*labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Values read from the database at a scrape; ages are in seconds."""

    deliveries: Mapping[str, int] = field(default_factory=dict)  # by state
    oldest_due_age: float | None = None
    posts: int = 0
    source_ages: Mapping[str, float] = field(default_factory=dict)  # by source, since it was last read


class Metrics:
    """The metrics of one registry; callers use the methods, one for each event."""

    def __init__(self, registry: CollectorRegistry, *, version: str) -> None:
        """Declare every metric in `registry`. Raises ValueError for a second call."""
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        Info("kexue_build", "Which version runs", registry=registry).info({"version": version})
        self.deliveries = gauge(
            "kexue_deliveries", "Deliveries by state; many sent ones estimated", ["state"]
        )
        self.tries = counter("kexue_tries", "Requests for deliveries", ["kind", "outcome"])
        self.outbox_age = gauge("kexue_outbox_age_seconds", "How long the oldest duty has been due")
        self.send_seconds = histogram(
            "kexue_send_seconds", "From request to answer, for deliveries", buckets=_SEND_BUCKETS
        )
        self.pacing_seconds = histogram("kexue_pacing_seconds", "Waits for the pace", buckets=_WAIT_BUCKETS)
        self.floods = counter("kexue_floods", "Answers 429, by their extent", ["extent"])
        self.dumps = counter("kexue_dumps", "Dumps seen, by result", ["result"])
        self.posts = gauge("kexue_posts", "Posts known")
        self.source_age = gauge("kexue_source_age_seconds", "Since a source was last read", ["source"])
        self.updates = counter("kexue_updates", "Updates from Telegram, by kind", ["kind"])
        self.handler_seconds = histogram(
            "kexue_handler_seconds", "Time to answer, by handler", ["handler"], buckets=_HANDLER_BUCKETS
        )
        self.errors = counter("kexue_errors", "Errors nobody expected, by place", ["place"])
        self.ready = gauge("kexue_ready", "1 if the check passes", ["check"])
        self.backup_at = gauge("kexue_backup_timestamp_seconds", "When the last backup was made, since 1970")
        self.tasks = gauge("kexue_tasks", "Tasks of the event loop")
        self.connection_faults = counter(
            "kexue_connection_faults", "Connections and requests ended by a limit", ["port", "fault"]
        )

    def tried(self, kind: str, outcome: str, seconds: float) -> None:
        """Count a request for a delivery of `kind` with its `outcome` and duration."""
        _child(self.tries, kind, outcome).inc()
        self.send_seconds.observe(seconds)

    def waited(self, seconds: float) -> None:
        """Record a wait of `seconds` for the rate limit."""
        self.pacing_seconds.observe(seconds)

    def flooded(self, extent: Extent) -> None:
        """Count a 429 response, for one chat or for the whole bot."""
        _child(self.floods, extent).inc()

    def dump_ingested(self, result: str) -> None:
        """Count a dump by its `result`: taken, known, held or refused."""
        _child(self.dumps, result).inc()

    def updated(self, kind: str) -> None:
        """Count an update by its `kind`: message, callback query, inline query, membership."""
        _child(self.updates, kind).inc()

    def handling(self, name: str) -> AbstractContextManager[object]:
        """Return a context manager that measures the handler `name`."""
        timer: AbstractContextManager[object] = _child(self.handler_seconds, name).time()
        return timer

    def failed(self, place: str) -> None:
        """Count an unexpected error in `place`."""
        _child(self.errors, place).inc()

    def connection_failed(self, port: str, fault: str) -> None:
        """Count a connection or request that a limit of `port` ended."""
        _child(self.connection_faults, port, fault).inc()

    def backed_up(self, at: float) -> None:
        """Set the time of the last backup, in seconds since 1970."""
        self.backup_at.set(at)

    def show(self, figures: Figures) -> None:
        """Set the gauges to `figures`; labels without a value are removed."""
        self.deliveries.clear()
        for state, count in figures.deliveries.items():
            self.deliveries.labels(state).set(count)
        self.outbox_age.set(figures.oldest_due_age or 0)
        self.posts.set(figures.posts)
        self.source_age.clear()
        for source, age in figures.source_ages.items():
            self.source_age.labels(source).set(age)

    def busy_with(self, tasks: int) -> None:
        """Set the number of tasks in the event loop."""
        self.tasks.set(tasks)

    def checked(self, checks: Mapping[str, bool]) -> None:
        """Set the results of the readiness checks."""
        for name, well in checks.items():
            self.ready.labels(name).set(int(well))


def make_registry() -> CollectorRegistry:
    """Create a registry with the process collectors: memory, CPU, open files, garbage collection."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry

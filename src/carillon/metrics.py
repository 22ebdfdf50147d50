"""What a process counts, for Prometheus. No label holds a value that a caller chose."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

# From a warm lookup to the largest upload.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

MEDIA_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Metrics:
    """The process's counters, in a registry of their own, so that two applications in one process do not mix."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    request_seconds: Histogram = field(init=False)
    requests_in_progress: Gauge = field(init=False)
    uploads: Counter = field(init=False)
    upload_rows: Counter = field(init=False)
    # Labels are looked up once; a dialect's functions and its statuses are few.
    _children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        made = {
            "requests": Counter(
                "carillon_requests",
                "Requests answered, by dialect, function and HTTP status.",
                ("dialect", "function", "status"),
                registry=self.registry,
            ),
            "request_seconds": Histogram(
                "carillon_request_seconds",
                "From the first byte of a request to the last of its reply, by dialect and function.",
                ("dialect", "function"),
                buckets=_SECONDS,
                registry=self.registry,
            ),
            "requests_in_progress": Gauge(
                "carillon_requests_in_progress", "Requests that are being answered.", registry=self.registry
            ),
            "uploads": Counter(
                "carillon_uploads_worked_off", "Uploads that the background worker finished.", registry=self.registry
            ),
            "upload_rows": Counter("carillon_upload_rows_worked_off", "Rows of those uploads.", registry=self.registry),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def request_done(self, dialect: str, function: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = (dialect, function, status)
        if (child := self._children.get(key)) is None:
            child = (self.requests.labels(*key), self.request_seconds.labels(dialect, function))
            self._children[key] = child
        child[0].inc()
        child[1].observe(seconds)

    def upload_done(self, rows: int) -> None:
        """Count an upload that the background worker finished."""
        self.uploads.inc()
        self.upload_rows.inc(rows)

    def exposition(self) -> bytes:
        """Write all of it in Prometheus' text format."""
        return generate_latest(self.registry)

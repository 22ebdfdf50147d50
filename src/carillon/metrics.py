"""What a process counts, for Prometheus. No label holds a value that a caller chose."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from carillon.message_metrics import MessageMetrics
from carillon.otp_metrics import OtpMetrics

# From a warm lookup to the largest upload.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BUCKETS = (*map(floatToGoString, _SECONDS), "+Inf")
# From a wake to the retries of hours.
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The process's counters, in a registry of their own, so that two applications in one process do not mix.

    Those of messages and passwords are its database's (`Database.process_state`), as transactions raise them.
    """

    def __init__(self, messages: MessageMetrics | None = None, otps: OtpMetrics | None = None) -> None:
        self.requests_in_progress = 0
        self._requests = _Requests()
        self._registry = CollectorRegistry()
        self._registry.register(self._requests)
        in_progress = Gauge(
            "carillon_requests_in_progress", "Requests that are being answered.", registry=self._registry
        )
        in_progress.set_function(lambda: self.requests_in_progress)
        self.work = WorkMetrics(self._registry)
        self._registry.register(messages or MessageMetrics())
        self._registry.register(otps or OtpMetrics())

    def request_done(self, dialect: str, function: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.add(dialect, function, status, seconds)

    def families(self) -> Iterable[Metric]:
        """Return every metric family with its present values."""
        return self._registry.collect()

    def exposition(self) -> bytes:
        """Write all of it in Prometheus' text format."""
        return generate_latest(self._registry)


class WorkMetrics:
    """What background work counts, by the names of workers, jobs and services."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"carillon_{name}", meaning, labels, registry=registry)

        self._claimed = counter("work_claimed", "Pieces of work that a worker claimed.", "worker")
        self._done = counter("work_done", "Pieces of work that were done.", "worker")
        self._units = counter("work_units", "What was done in units of the worker: rows of uploads.", "worker")
        self._retried = counter("work_retried", "Attempts that failed and are made again.", "worker")
        self._failed = counter("work_failed", "Pieces of work that failed for good.", "worker")
        self._held = Gauge(
            "carillon_work_in_progress", "Pieces of work that are claimed and not ended.", ["worker"], registry=registry
        )
        self._lag = Histogram(
            "carillon_work_lag_seconds",
            "From when a piece of work was due to when it was claimed.",
            ["worker"],
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self._seconds = Histogram(
            "carillon_work_seconds",
            "How long a piece of work took that was done.",
            ["worker"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._jobs = counter("job_runs", "Runs of periodic jobs, by outcome: done or failed.", "job", "outcome")
        self._services = counter(
            "service_failures", "Ends of services and of workers' loops that were started again.", "service"
        )

    def claimed(self, worker: str, lags: Sequence[float]) -> None:
        """Count pieces of work that were claimed, each so many seconds after it was due."""
        self._claimed.labels(worker).inc(len(lags))
        self._held.labels(worker).inc(len(lags))
        for lag in lags:
            self._lag.labels(worker).observe(max(lag, 0))

    def ended(self, worker: str, count: int) -> None:
        """Count pieces of work that are claimed no more, whatever became of them."""
        self._held.labels(worker).dec(count)

    def done(self, worker: str, units: int, seconds: float) -> None:
        """Count a piece of work that was done."""
        self._done.labels(worker).inc()
        self._units.labels(worker).inc(units)
        self._seconds.labels(worker).observe(seconds)

    def retried(self, worker: str) -> None:
        """Count an attempt that failed and is made again."""
        self._retried.labels(worker).inc()

    def failed(self, worker: str) -> None:
        """Count a piece of work that failed for good."""
        self._failed.labels(worker).inc()

    def job_ran(self, job: str, *, failed: bool) -> None:
        """Count a run of a periodic job."""
        self._jobs.labels(job, "failed" if failed else "done").inc()

    def service_failed(self, service: str) -> None:
        """Count the failure of a service."""
        self._services.labels(service).inc()


class _Requests(Collector):
    """Requests by dialect, function and status. They are counted at every call and shown at every scrape.

    The library's own counters take locks and look for labels, which a lookup's time doesn't allow.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._times: dict[tuple[str, str], _Times] = {}

    def add(self, dialect: str, function: str, status: int, seconds: float) -> None:
        """Count one."""
        key = (dialect, function, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        times = self._times.get(key[:2])
        if times is None:
            times = self._times[key[:2]] = _Times()
        times.sum += seconds
        times.buckets[bisect_left(_SECONDS, seconds)] += 1

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "carillon_requests",
            "Requests answered, by dialect, function and HTTP status.",
            labels=("dialect", "function", "status"),
        )
        for (dialect, function, status), count in self._counts.items():
            requests.add_metric((dialect, function, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "carillon_request_seconds",
            "From the first byte of a request to the last of its reply, by dialect and function.",
            labels=("dialect", "function"),
        )
        for labels, times in self._times.items():
            upto = zip(_BUCKETS, accumulate(times.buckets), strict=True)
            seconds.add_metric(labels, [(bound, float(count)) for bound, count in upto], times.sum)
        yield seconds


class _Times:
    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.sum = 0.0
        self.buckets = [0] * len(_BUCKETS)

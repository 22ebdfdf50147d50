"""What a process counts, for Prometheus. No label holds a value that a caller chose."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

# From a warm lookup to the largest upload.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BUCKETS = (*map(floatToGoString, _SECONDS), "+Inf")

MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The process's counters, in a registry of their own, so that two applications in one process do not mix."""

    def __init__(self) -> None:
        self.requests_in_progress = 0
        self._requests = _Requests()
        self._registry = CollectorRegistry()
        self._registry.register(self._requests)
        in_progress = Gauge(
            "carillon_requests_in_progress", "Requests that are being answered.", registry=self._registry
        )
        in_progress.set_function(lambda: self.requests_in_progress)
        self._uploads = Counter(
            "carillon_uploads_worked_off", "Uploads that the background worker finished.", registry=self._registry
        )
        self._upload_rows = Counter(
            "carillon_upload_rows_worked_off", "Rows of those uploads.", registry=self._registry
        )

    def request_done(self, dialect: str, function: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.add(dialect, function, status, seconds)

    def upload_done(self, rows: int) -> None:
        """Count an upload that the background worker finished."""
        self._uploads.inc()
        self._upload_rows.inc(rows)

    def families(self) -> Iterable[Metric]:
        """Return every metric family with its present values."""
        return self._registry.collect()

    def exposition(self) -> bytes:
        """Write all of it in Prometheus' text format."""
        return generate_latest(self._registry)


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
        """Show them."""
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

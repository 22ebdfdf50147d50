"""What a process counts of messages, and the state of the queues, for Prometheus.

Counters are raised when the transactions that move messages have committed. The depths of queues are those of the whole
installation, as a periodic job has read them; windows are looked at when they are scraped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """What is due of a traffic class: chunks, their messages, and for how many seconds the first of them has been."""

    chunks: int
    messages: int
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in the installation, at one moment."""

    queues: Mapping[str, QueueDepth] = field(default_factory=dict)
    callbacks: int = 0
    callback_age_seconds: float = 0.0
    parked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUse:
    """A carrier as this process runs it: how many messages, or parts, are unanswered, of how many that may be."""

    carrier_id: int
    in_use: int
    size: int
    is_up: bool


class MessageMetrics(Collector):
    """The counters of one process. Carriers are named by their ids: labels hold nothing that a caller chose."""

    def __init__(self) -> None:
        self._accepted: Counter[str] = Counter()
        self._excluded: Counter[str] = Counter()
        self._submitted: Counter[int] = Counter()
        self._uncertain: Counter[int] = Counter()
        self._final: Counter[tuple[str, int | None]] = Counter()
        self._clicked: Counter[str] = Counter()
        self._clicks_lost = 0
        self._windows: Callable[[], Iterable[WindowUse]] = tuple
        self.backlog = Backlog()
        """What the job `backlog` has read."""

    def watch_windows(self, windows: Callable[[], Iterable[WindowUse]]) -> None:
        """Set what is asked for the windows of carriers at every scrape."""
        self._windows = windows

    def accepted(self, traffic_class: str, accepted: int, excluded: int) -> None:
        """Count recipients that were written into the ledger: those that are to be sent to, and the excluded ones."""
        self._accepted[traffic_class] += accepted
        self._excluded[traffic_class] += excluded

    def submitted(self, carriers: Mapping[int, int]) -> None:
        """Count messages that carriers have taken, by carrier."""
        self._submitted.update(carriers)

    def uncertain(self, carriers: Mapping[int, int]) -> None:
        """Count messages whose submit had no answer, by carrier."""
        self._uncertain.update(carriers)

    def ended(self, states: Mapping[tuple[str, int | None], int]) -> None:
        """Count messages that came into a final state, by state and carrier."""
        self._final.update(states)

    def clicked(self, classes: Mapping[str, int]) -> None:
        """Count clicks on links that were written, by who clicked: human or machine."""
        self._clicked.update(classes)

    def click_lost(self) -> None:
        """Count a click that was dropped, as too many wait for the database."""
        self._clicks_lost += 1

    def collect(self) -> Iterator[Metric]:
        """Return every family with its present values."""
        yield from self._counters()
        yield from self._depths()
        yield from self._uses()

    def _counters(self) -> Iterator[Metric]:
        yield _counter("accepted", "Messages that were accepted to be sent.", "traffic_class", self._accepted)
        yield _counter("excluded", "Recipients who get nothing, when accepted.", "traffic_class", self._excluded)
        yield _counter("submitted", "Messages that a carrier has taken.", "carrier", self._submitted)
        yield _counter("uncertain", "Messages whose submit had no answer.", "carrier", self._uncertain)
        final = CounterMetricFamily(
            "carillon_messages_final",
            "Messages that came into a final state, by carrier where one had it. What is delivered after it was "
            "undelivered counts as both.",
            labels=("state", "carrier"),
        )
        for (state, carrier_id), count in self._final.items():
            final.add_metric((state, "" if carrier_id is None else str(carrier_id)), count)
        yield final
        clicks = CounterMetricFamily(
            "carillon_clicks", "Clicks on links, by what has clicked: human or machine.", labels=("visitor",)
        )
        for visitor, count in self._clicked.items():
            clicks.add_metric((str(visitor),), count)
        yield clicks
        yield CounterMetricFamily(
            "carillon_clicks_lost", "Clicks that were dropped, as too many waited.", value=self._clicks_lost
        )

    def _depths(self) -> Iterator[Metric]:
        chunks = _gauge("queue_chunks", "Chunks of messages that are due, in the whole installation.", "traffic_class")
        messages = _gauge("queue_messages", "Messages that are due, in the whole installation.", "traffic_class")
        age = _gauge("queue_age_seconds", "For how long the first due chunk has been due.", "traffic_class")
        for traffic_class, depth in self.backlog.queues.items():
            chunks.add_metric((traffic_class,), depth.chunks)
            messages.add_metric((traffic_class,), depth.messages)
            age.add_metric((traffic_class,), depth.age_seconds)
        yield from (chunks, messages, age)
        backlog = self.backlog
        yield _gauge("callbacks_waiting", "Callbacks that wait, in the whole installation.", value=backlog.callbacks)
        yield _gauge(
            "callbacks_age_seconds",
            "For how long the endpoint that is most overdue has been due.",
            value=backlog.callback_age_seconds,
        )
        yield _gauge("receipts_parked", "Receipts and replies that match no message so far.", value=backlog.parked)

    def _uses(self) -> Iterator[Metric]:
        in_use = _gauge("carrier_window_in_use", "What a carrier has not answered yet, in this process.", "carrier")
        size = _gauge("carrier_window_size", "How much of it there may be, in this process.", "carrier")
        is_up = _gauge("carrier_up", "1 where the carrier takes messages in this process, 0 where not.", "carrier")
        for one in self._windows():
            carrier = (str(one.carrier_id),)
            in_use.add_metric(carrier, one.in_use)
            size.add_metric(carrier, one.size)
            is_up.add_metric(carrier, int(one.is_up))
        yield from (in_use, size, is_up)


def _counter(name: str, meaning: str, label: str, counts: Mapping[str, int] | Mapping[int, int]) -> Metric:
    family = CounterMetricFamily(f"carillon_messages_{name}", meaning, labels=(label,))
    for value, count in counts.items():
        family.add_metric((str(value),), count)
    return family


def _gauge(name: str, meaning: str, label: str | None = None, *, value: float | None = None) -> GaugeMetricFamily:
    labels = None if label is None else (label,)
    return GaugeMetricFamily(f"carillon_{name}", meaning, value=value, labels=labels)

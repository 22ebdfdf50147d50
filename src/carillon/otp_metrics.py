"""What a process counts of one-time passwords, for Prometheus: what was made, checked and refused, by dialect.

Passwords and checks are counted when their transactions have committed. No label holds a value that a caller chose.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class OtpMetrics(Collector):
    """The counters of one process (`Database.process_state`)."""

    def __init__(self) -> None:
        self._created: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._checks: Counter[tuple[str, str]] = Counter()

    def created(self, dialect: str, channel: str) -> None:
        """Count a password that was made; `channel` is none where its caller sends it."""
        self._created[dialect, channel] += 1

    def refused(self, dialect: str, reason: str) -> None:
        """Count a password that was not made: the limit that it was over, or the code of the error."""
        self._refused[dialect, reason] += 1

    def checked(self, dialect: str, verdict: str) -> None:
        """Count a check, by what it found."""
        self._checks[dialect, verdict] += 1

    def collect(self) -> Iterator[Metric]:
        """Return every family with its present values."""
        made = "One-time passwords that were made, by the channel that they went by."
        refused = "One-time passwords that were not made, by the limit that refused them, pending_otp or otp_not_sent."
        checks = "Checks of one-time passwords, by what was found: valid ones are verified."
        yield _counter("created", made, "channel", self._created)
        yield _counter("refused", refused, "reason", self._refused)
        yield _counter("checks", checks, "verdict", self._checks)


def _counter(name: str, meaning: str, label: str, counts: Mapping[tuple[str, str], int]) -> Metric:
    family = CounterMetricFamily(f"carillon_otp_{name}", meaning, labels=("dialect", label))
    for labels, count in counts.items():
        family.add_metric(labels, count)
    return family

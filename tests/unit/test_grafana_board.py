"""The board in docs/grafana asks for metrics that there are, by labels that they have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from carillon.message_metrics import Backlog, MessageMetrics, QueueDepth, WindowUse
from carillon.metrics import Metrics
from carillon.otp_metrics import OtpMetrics

BOARD = Path(__file__).parents[2] / "docs" / "grafana" / "carillon.json"
NAME = re.compile(r"\bcarillon_\w+")
LABELS_OF_A_SUM = re.compile(r"\bby \(([^)]*)\)")
LABELS_OF_A_CHOICE = re.compile(r"\{(\w+)[=~!]")


def filled() -> Metrics:
    """Metrics in which each family has a value, so that its labels are shown."""
    messages = MessageMetrics()
    messages.accepted("otp", 1, 1)
    messages.submitted({7: 1})
    messages.uncertain({7: 1})
    messages.ended({("delivered", 7): 1})
    messages.clicked({"human": 1})
    messages.backlog = Backlog(queues={"otp": QueueDepth(chunks=1, messages=1, age_seconds=1.0)})
    messages.watch_windows(lambda: [WindowUse(carrier_id=7, in_use=1, size=10, is_up=True)])
    otps = OtpMetrics()
    otps.created("apifon", "sms")
    otps.refused("apifon", "recipient_sends")
    otps.checked("apifon", "valid")
    metrics = Metrics(messages, otps)
    metrics.request_done("inforu", "SendSms", 200, 0.1)
    metrics.work.claimed("dispatch_otp", [0.1])
    metrics.work.done("dispatch_otp", 1, 0.1)
    metrics.work.retried("dispatch_otp")
    metrics.work.failed("dispatch_otp")
    metrics.work.job_ran("backlog", failed=True)
    metrics.work.service_failed("carriers")
    return metrics


def labels_by_name() -> dict[str, set[str]]:
    return {sample.name: set(sample.labels) for family in filled().families() for sample in family.samples}


def expressions() -> Iterator[str]:
    for panel in json.loads(BOARD.read_text("utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def test_every_metric_of_the_board_exists_with_the_labels_that_it_is_asked_by() -> None:
    known = labels_by_name()
    asked = list(expressions())
    assert len(asked) > 10
    for expression in asked:
        names = NAME.findall(expression)
        assert names, expression
        assert set(names) <= known.keys(), expression
        labels = {one.strip() for group in LABELS_OF_A_SUM.findall(expression) for one in group.split(",")}
        labels |= set(LABELS_OF_A_CHOICE.findall(expression))
        for name in names:
            assert labels <= known[name], expression


def test_the_board_shows_every_metric_of_messages() -> None:
    shown = {name for expression in expressions() for name in NAME.findall(expression)}
    names = {sample.name for family in MessageMetrics().collect() for sample in family.samples}
    ours = {name for name in labels_by_name() if name.startswith(("carillon_messages_", "carillon_queue_"))}
    assert ours | names <= shown


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(BOARD.read_text("utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells

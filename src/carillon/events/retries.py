"""When a callback that failed is tried again, and when it has failed for good. Pure.

An endpoint that has been dead for long must not make each callback behind the first wait its whole schedule again. So
of a callback that was waiting behind a failing one those attempts count as made whose time passed meanwhile, counted
from when it began to wait. One whose whole schedule is over gets one attempt. After a callback has failed for good the
endpoint rests a while, longer with each failure in a row; it holds up no other endpoint, and one that answers again is
told at once all that still waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

_LONGEST_REST = timedelta(minutes=1)


def attempts_made(
    schedule: Sequence[timedelta], attempts: int, *, failures: int, waiting_since: datetime, now: datetime
) -> int:
    """Return how many attempts of its schedule a callback has used, the one that is made now included.

    `attempts` is how many it had used before, `failures` how many attempts of its endpoint had failed in a row, of any
    callback.
    """
    if not attempts and failures:
        moment = waiting_since
        for pause in schedule:
            moment += pause
            if moment > now:
                break
            attempts += 1
    return attempts + 1


def pause_after(schedule: Sequence[timedelta], attempts: int) -> timedelta | None:
    """Return how long a callback waits after so many failed attempts; None where it has failed for good."""
    return schedule[attempts - 1] if attempts <= len(schedule) else None


def rest_after(failures: int) -> timedelta:
    """Return how long an endpoint rests after a callback has failed for good, and so many attempts in a row."""
    return min(timedelta(seconds=failures), _LONGEST_REST)

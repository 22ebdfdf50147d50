"""The registry of background work: every worker, periodic job and service of a process, by its role."""

from datetime import timedelta
from functools import partial

import structlog

from carillon.audience.contacts.retention import sweep_audiences
from carillon.audience.uploads.report import delete_reports
from carillon.audience.uploads.work import UploadWorker
from carillon.db.database import Database
from carillon.db.embedded_watch import watch_embedded
from carillon.db.hints import exchange_hints
from carillon.db.partitions import maintain_partitions
from carillon.db.tables import LINKS, PARTITIONED
from carillon.dialects.registry import DIALECTS
from carillon.events.callbacks import CallbackWorker
from carillon.events.format import CallbackFormat
from carillon.kit.traffic import TrafficClass
from carillon.links.clicks import Clicks
from carillon.messaging.backlog import observe_backlog
from carillon.messaging.dispatch import DispatchWorker
from carillon.messaging.materialise import MaterialiseWorker
from carillon.messaging.receipts import ReceivedMessages
from carillon.messaging.simulated import SimulatedWorker
from carillon.messaging.simulators import SimulatorsAlone
from carillon.messaging.submitting import ProcessCarriers
from carillon.messaging.sweep import oldest_open, sweep_messages
from carillon.otp.counters import delete_counters
from carillon.otp.work import OtpWorker
from carillon.outbound.client import HttpClient
from carillon.routing.health import Health
from carillon.routing.health_rows import exchange_health
from carillon.runtime import Runtime
from carillon.settings import Settings
from carillon.tenancy.secrets import SecretBox
from carillon.tenancy.signed_calls import delete_signed_calls
from carillon.workers.shape import Background, Job, Service

log = structlog.get_logger(__name__)

_HOUR = timedelta(hours=1)


def background_of(runtime: Runtime) -> Background:
    """Return what a process runs: workers and jobs where its role says so, and the services of every process."""
    settings = runtime.settings
    services = [
        Service(name="hints", run=partial(exchange_hints, runtime.db)),
        Service(name="carrier_health", run=partial(exchange_health, runtime.db)),
        Service(name="clicks", run=partial(runtime.db.process_state(Clicks).run, runtime.db)),
    ]
    if settings.database_url is None:
        services.append(Service(name="embedded_database", run=partial(watch_embedded, settings.data_dir)))
    backlog = Job(name="backlog", interval=timedelta(seconds=10), run=observe_backlog)
    if settings.role == "api":
        return Background(jobs=[backlog], services=services)
    carriers = ProcessCarriers(runtime.carriers, runtime.db.process_state(Health))
    services.append(Service(name="carriers", run=runtime.carriers.run))
    return Background(
        workers=[
            UploadWorker(),
            *(DispatchWorker(one, carriers, concurrency=64, box=runtime.secret_box) for one in TrafficClass),
            MaterialiseWorker(),
            SimulatedWorker(runtime.inbox),
            CallbackWorker(runtime.outbound, _callback_formats()),
            OtpWorker(runtime.secret_box),
        ],
        jobs=[
            backlog,
            Job(name="parked_receipts", interval=timedelta(seconds=1), run=runtime.inbox.match_parked),
            Job(name="message_sweep", interval=timedelta(minutes=1), run=sweep_messages),
            Job(name="contact_retention", interval=_HOUR, run=sweep_audiences),
            Job(name="partitions", interval=_HOUR, run=partial(_keep_partitions, settings=settings)),
            Job(name="otp_counter_deletion", interval=_HOUR, run=delete_counters),
            Job(name="signature_deletion", interval=_HOUR, run=delete_signed_calls),
            Job(name="report_deletion", interval=_HOUR, run=partial(delete_reports, days=settings.upload_report_days)),
        ],
        services=services,
    )


def sandbox_work(db: Database, outbound: HttpClient, box: SecretBox) -> Background:
    """Return what a command runs that moves a sandbox account's clock: nothing of it reaches a real carrier."""
    inbox = ReceivedMessages(db)
    simulators = SimulatorsAlone(inbox)
    return Background(
        workers=[
            MaterialiseWorker(),
            *(DispatchWorker(one, simulators, concurrency=4, box=box) for one in TrafficClass),
            SimulatedWorker(inbox),
            CallbackWorker(outbound, _callback_formats()),
            OtpWorker(box),
        ],
        jobs=[
            Job(name="parked_receipts", interval=timedelta(seconds=1), run=inbox.match_parked),
            Job(name="message_sweep", interval=timedelta(seconds=1), run=sweep_messages),
        ],
    )


def _callback_formats() -> list[CallbackFormat]:
    return [one.callbacks for one in DIALECTS if one.callbacks is not None]


async def _keep_partitions(db: Database, *, settings: Settings) -> None:
    oldest = await db.read(oldest_open)
    others = [one for one in PARTITIONED if one is not LINKS]
    kept = await maintain_partitions(db, retention_days=settings.retention_days, tables=others, oldest_needed=oldest)
    kept += await maintain_partitions(db, retention_days=settings.link_kept_days, tables=[LINKS])
    for table in kept:
        facts = {"made": len(table.made), "dropped": len(table.dropped), "moved": table.moved, "expired": table.expired}
        if table.postponed or table.refused:
            log.warning("partitions_left", table=table.table, postponed=table.postponed, refused=table.refused, **facts)
        elif any(facts.values()):
            log.info("partitions_kept", table=table.table, **facts)

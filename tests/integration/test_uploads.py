"""Uploads: accepted durably, processed in order, exactly once, whatever fails in between."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.background import parse, process_uploads, uploads_processed, write_claimed
from tests.support import Tenant, shorten_wait, until_somebody_waits

from carillon.audience.audiences import AudienceKind, CreateAudience, create_audience, delete_audience
from carillon.audience.contacts.batch_write import WritePolicy
from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.row_changes import RowChange
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, DeleteFields, create_field, delete_fields, field_kinds
from carillon.audience.locks import UPLOAD_WRITTEN, lock_audience
from carillon.audience.suppression_queries import ListSuppressions, list_suppressions
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.uploads.accept import AcceptUpload, accept_upload, upload_in_turn, upload_now
from carillon.audience.uploads.payload import read_payload
from carillon.audience.uploads.queue import LEASE, MAX_ATTEMPTS, claim_uploads, renew_leases, reschedule_upload
from carillon.audience.uploads.report import FinishedUpload, delete_reports, failed_uploads, retry_upload, upload_report
from carillon.audience.uploads.work import process_upload
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import JobInProgressError, JobNotFoundError
from carillon.kit.clock import FixedClock


def rows(count: int, city: str = "Arad") -> list[ContactRow]:
    return [ContactRow(phone=f"0521{number:06d}", fields={"city": city}) for number in range(count)]


async def cities(db: Database, tenant: Tenant) -> list[str]:
    page = await db.read(query_contacts, tenant.actor, ContactQuery())
    return [contact.fields["city"] for contact in page.items]


async def test_an_accepted_upload_is_in_progress_until_it_is_processed(db: Database, account: Tenant) -> None:
    import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(30)))
    with pytest.raises(JobInProgressError):
        await db.read(upload_report, account.actor, import_id)
    assert await process_uploads(db) == 1
    report = (await db.read(upload_report, account.actor, import_id)).report
    assert (report.rows, report.new, report.failed) == (30, 30, 0)


async def test_an_upload_written_at_once_can_be_asked_for_again(db: Database, account: Tenant) -> None:
    command = AcceptUpload(rows=[*rows(2), ContactRow(email="broken@")], options={"handle_events": True})
    upload = await db.run(upload_now, account.actor, command)
    again = await db.read(upload_report, account.actor, upload.import_id)
    assert again.report == upload.report
    assert (again.report.new, again.report.failed, again.report.error_count) == (2, 1, 1)


async def test_an_unknown_upload_is_not_found(db: Database, account: Tenant) -> None:
    with pytest.raises(JobNotFoundError):
        await db.read(upload_report, account.actor, UUID(int=1))


async def test_an_upload_of_another_audience_is_not_found(db: Database, account: Tenant) -> None:
    other = await db.run(create_audience, account.actor, CreateAudience(name="Other"))
    import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(1)))
    with pytest.raises(JobNotFoundError):
        await db.read(upload_report, replace(account.actor, audience_id=other.audience_id), import_id)
    with pytest.raises(JobInProgressError):
        await db.read(upload_report, account.actor, import_id)


async def test_uploads_of_an_account_are_processed_in_their_order(db: Database, account: Tenant) -> None:
    for city in ("Arad", "Lod", "Yavne", "Eilat", "Acre", "Ashdod", "Safed", "Afula", "Dimona", "Haifa"):
        await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12, city)))
    assert await process_uploads(db) == 8
    assert await process_uploads(db) == 2
    assert await cities(db, account) == ["Haifa"] * 12


async def test_a_few_rows_wait_behind_the_uploads_that_came_before_them(db: Database, account: Tenant) -> None:
    for _ in range(3):
        await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(30)))
    async with uploads_processed(db):
        later = await upload_in_turn(db, account.actor, AcceptUpload(rows=rows(2, "Haifa")))
    assert isinstance(later, FinishedUpload)
    assert (later.report.updated, later.report.new) == (2, 0)
    assert (await cities(db, account))[:3] == ["Haifa", "Haifa", "Arad"]


async def test_a_few_rows_get_a_token_when_the_earlier_uploads_take_too_long(
    db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_wait(monkeypatch)
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(30)))
    later = await upload_in_turn(db, account.actor, AcceptUpload(rows=rows(2, "Haifa")))
    assert isinstance(later, UUID)
    assert await process_uploads(db) == 2
    assert (await db.read(upload_report, account.actor, later)).report.updated == 2


async def test_an_upload_that_kills_its_worker_fails_and_can_be_tried_again(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    for _ in range(MAX_ATTEMPTS):
        assert len(await claim_uploads(db, account.account_id, 1)) == 1
        clock.moment += LEASE + timedelta(seconds=1)
    assert await process_uploads(db) == 0
    report = (await db.read(upload_report, account.actor, import_id)).report
    assert (report.failed, report.error_count, report.errors[0].code) == (12, 1, "not_written")
    (failed,) = await db.read(failed_uploads, account.actor)
    assert (failed.import_id, failed.rows) == (import_id, 12)
    await db.run(retry_upload, account.actor, import_id)
    assert await process_uploads(db) == 1
    assert (await db.read(upload_report, account.actor, import_id)).report.new == 12


async def test_a_failure_of_the_database_is_no_attempt(db: Database, account: Tenant, clock: FixedClock) -> None:
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    for _ in range(MAX_ATTEMPTS + 2):
        (claimed,) = await claim_uploads(db, account.account_id, 1)
        await db.run(reschedule_upload, claimed, counts=False)
        clock.moment += timedelta(minutes=2)
    assert await process_uploads(db) == 1


async def test_an_upload_whose_worker_died_is_taken_over_when_its_lease_ends(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    (dead,) = await claim_uploads(db, account.account_id, 1)
    assert await process_uploads(db) == 0
    clock.moment += LEASE + timedelta(seconds=1)
    assert await process_uploads(db) == 1
    # The first worker wasn't dead after all: its write comes too late and does nothing.
    await write_claimed(db, dead)
    report = (await db.read(upload_report, account.actor, import_id)).report
    assert (report.new, report.unchanged) == (12, 0)


async def test_leases_are_renewed_while_the_first_of_the_uploads_is_written(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    for _ in range(3):
        await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    held = await claim_uploads(db, account.account_id, 2)
    async with db.transaction() as tx:
        assert await process_upload(tx, held[0].actor, held[0], parse(held[0])) is not None
        clock.moment += LEASE - timedelta(seconds=1)
        await db.run(renew_leases, held)
        clock.moment += timedelta(seconds=2)
        assert await process_uploads(db) == 0
    clock.moment += LEASE
    assert await process_uploads(db) == 2


async def test_an_upload_that_always_fails_has_failed_for_good_and_is_kept_and_the_next_goes_on(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    bad = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(11)))
    good = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(11)))
    async with db.transaction() as tx:
        await tx.execute("UPDATE contact_import SET payload = 'x' WHERE import_id = $1", bad)
    for _ in range(MAX_ATTEMPTS):
        await process_uploads(db)
        with pytest.raises(JobInProgressError):
            await db.read(upload_report, account.actor, good)
        clock.moment += timedelta(minutes=1)
    assert await process_uploads(db) == 1
    failed = (await db.read(upload_report, account.actor, bad)).report
    assert (failed.rows, failed.failed, failed.error_count) == (11, 11, 1)
    assert (await db.read(upload_report, account.actor, good)).report.new == 11
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT payload FROM contact_import WHERE import_id = $1", bad) == b"x"


async def test_a_running_host_is_woken_by_an_upload(db: Database, account: Tenant) -> None:
    async with uploads_processed(db, poll_seconds=3600) as metrics:
        await asyncio.sleep(0.1)  # so that it has polled
        import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(15)))
        async with asyncio.timeout(20):
            with db.topics.listen(UPLOAD_WRITTEN, str(import_id)) as listener:
                await listener.wait()
    assert (await db.read(upload_report, account.actor, import_id)).report.new == 15
    shown = metrics.exposition().decode()
    for line in (
        *('work_claimed_total{worker="uploads"} 1.0', 'work_done_total{worker="uploads"} 1.0'),
        *('work_units_total{worker="uploads"} 15.0', 'work_in_progress{worker="uploads"} 0.0'),
    ):
        assert f"carillon_{line}\n" in shown


async def test_uploads_that_were_taken_for_new_and_meet_somebody_are_written_all_the_same(
    db: Database, account: Tenant
) -> None:
    reports = []
    for first, city in ((0, "Arad"), (100, "Lod"), (50, "Acre"), (200, "Eilat"), (300, "Haifa"), (250, "Safed")):
        given = [ContactRow(phone=f"0521{number:06d}", fields={"city": city}) for number in range(first, first + 60)]
        reports.append(await db.run(accept_upload, account.actor, AcceptUpload(rows=given)))
    assert await process_uploads(db) == 6
    reported = [(await db.read(upload_report, account.actor, import_id)).report for import_id in reports]
    assert [(one.new, one.updated, one.failed) for one in reported] == [
        (60, 0, 0),
        (60, 0, 0),
        (40, 20, 0),
        (60, 0, 0),
        (60, 0, 0),
        (40, 20, 0),
    ]


async def test_uploads_are_written_on_their_terms_whatever_the_worker_expects(db: Database, account: Tenant) -> None:
    reports = []
    for first, update in ((0, True), (100, True), (50, True), (200, False), (150, False)):
        given = [ContactRow(phone=f"0521{number:06d}") for number in range(first, first + 60)]
        changes = (
            {number: RowChange(sms=SubscriptionStatus.UNSUBSCRIBED) for number in range(1, 61)} if first == 50 else {}
        )
        command = AcceptUpload(rows=given, policy=WritePolicy(update_existing=update, changes=changes))
        reports.append(await db.run(accept_upload, account.actor, command))
    assert await process_uploads(db) == 5
    reported = [(await db.read(upload_report, account.actor, import_id)).report for import_id in reports]
    assert [(one.rows, one.new, one.updated + one.unchanged, one.failed) for one in reported] == [
        (60, 60, 0, 0),
        (60, 60, 0, 0),
        (60, 40, 20, 0),
        (60, 60, 0, 0),
        (60, 40, 20, 0),
    ]
    shown = (await db.read(query_contacts, account.actor, ContactQuery())).items
    unsubscribed = {one.phone for one in shown if one.sms_status is SubscriptionStatus.UNSUBSCRIBED}
    assert unsubscribed == {f"972521{number:06d}" for number in range(50, 110)}
    assert len(shown) == 260


async def test_old_reports_are_forgotten_and_what_was_not_written_is_kept(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    old = (await db.run(upload_now, account.actor, AcceptUpload(rows=rows(2)))).import_id
    waiting = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(3)))
    clock.moment += timedelta(days=29)
    await delete_reports(db, days=30)
    assert (await db.read(upload_report, account.actor, old)).report.rows == 2
    clock.moment += timedelta(days=2)
    await delete_reports(db, days=30)
    with pytest.raises(JobNotFoundError):
        await db.read(upload_report, account.actor, old)
    with pytest.raises(JobInProgressError):
        await db.read(upload_report, account.actor, waiting)


async def test_a_policy_that_an_earlier_version_has_stored_is_followed(db: Database, account: Tenant) -> None:
    """The names of a stored policy are those of the version that stored it."""
    await db.run(upload_now, account.actor, AcceptUpload(rows=rows(1)))
    import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    policy = {"update_existing": False, "leave_out_suppressed": True, "doubts": {}, "changes": {1: {"sms": 3}}}
    stored = msgspec.msgpack.encode({"rows": rows(2, "Lod"), "terms": policy})
    async with db.transaction() as tx:
        await tx.execute("UPDATE contact_import SET payload = $1 WHERE import_id = $2", stored, import_id)
    assert await process_uploads(db) == 1
    report = (await db.read(upload_report, account.actor, import_id)).report
    assert (report.new, report.unchanged) == (1, 1)
    assert await cities(db, account) == ["Arad", "Lod"]


async def test_what_an_earlier_version_has_accepted_is_written(db: Database, account: Tenant) -> None:
    """Before policies existed, an upload was stored as the list of its rows."""
    import_id = await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    kept = msgspec.msgpack.encode(rows(3, "Lod"))
    async with db.transaction() as tx:
        await tx.execute("UPDATE contact_import SET payload = $1", kept)
    assert await process_uploads(db) == 1
    assert (await db.read(upload_report, account.actor, import_id)).report.new == 3
    assert await cities(db, account) == ["Lod"] * 3


async def test_an_earlier_version_can_read_what_is_accepted_without_terms(db: Database, account: Tenant) -> None:
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(2)))
    async with db.transaction() as tx:
        kept = await tx.fetchval("SELECT payload FROM contact_import")
    assert msgspec.msgpack.decode(kept, type=list[ContactRow]) == rows(2)


async def test_rows_that_were_read_before_a_field_changed_are_read_again(db: Database, account: Tenant) -> None:
    await db.run(create_field, account.actor, CreateField(name="visits", kind=Kind.TEXT))
    given = [ContactRow(phone="0521000001", fields={"visits": "many"}), ContactRow(phone="0521000002")]
    await db.run(accept_upload, account.actor, AcceptUpload(rows=given, policy=WritePolicy()))
    (upload,) = await claim_uploads(db, account.account_id, 8)
    read = read_payload(upload.actor, upload.payload, await db.read(field_kinds, account.actor), {})
    async with db.transaction() as tx:  # that began before the upload was accepted
        await lock_audience(tx, account.actor, after_uploads=False)
        await delete_fields(tx, account.actor, DeleteFields(names=["visits"]))
        await create_field(tx, account.actor, CreateField(name="visits", kind=Kind.NUMBER))
    await db.run(process_upload, upload.actor, upload, read)
    shown = (await db.read(query_contacts, account.actor, ContactQuery())).items
    assert [one.fields for one in shown] == [{}, {}]


async def test_an_upload_is_not_held_before_its_audience(db: Database, account: Tenant) -> None:
    """A deletion of an audience locks it, and then its uploads: the other way round each would wait for the other."""
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    (upload,) = await claim_uploads(db, account.account_id, 8)
    async with db.transaction() as tx:
        await lock_audience(tx, account.actor, after_uploads=False)
        writing = asyncio.create_task(write_claimed(db, upload))
        await until_somebody_waits(tx)
        assert await tx.fetchval("SELECT TRUE FROM contact_import FOR UPDATE NOWAIT")
    assert await writing is True


async def test_uploads_of_an_audience_that_is_gone_are_nobodys_failure(db: Database, account: Tenant) -> None:
    made = await db.run(create_audience, account.actor, CreateAudience(name="Short-lived"))
    inside = replace(account.actor, audience_id=made.audience_id)
    await db.run(accept_upload, inside, AcceptUpload(rows=rows(12)))
    (upload,) = await claim_uploads(db, account.account_id, 8)
    await db.run(delete_audience, inside)
    assert await write_claimed(db, upload) is None


async def test_uploads_are_claimed_and_accepted_while_the_account_is_suppressing(db: Database, account: Tenant) -> None:
    stop = await db.run(create_audience, account.actor, CreateAudience(name="Stop", kind=AudienceKind.STOPLIST))
    async with db.transaction() as tx:
        await lock_audience(tx, replace(account.actor, audience_id=stop.audience_id))
        # More than may take turns.
        writing = [asyncio.create_task(db.run(upload_now, account.actor, AcceptUpload(rows=rows(1)))) for _ in range(8)]
        await until_somebody_waits(tx)
        async with asyncio.timeout(10):
            await db.run_at_once(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
            (claimed,) = await claim_uploads(db, account.account_id, 8)
    await write_claimed(db, claimed)
    await asyncio.gather(*writing)


async def test_a_write_waits_for_the_uploads_before_it_and_for_no_later_one(db: Database, account: Tenant) -> None:
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    everyone = DeleteContacts(keys=[ContactKey(kind=KeyKind.PHONE, value=row.phone or "") for row in rows(12)])
    deleting = asyncio.create_task(db.run(delete_contacts, account.actor, everyone))
    await asyncio.sleep(0.1)
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(20)))
    first, later = await claim_uploads(db, account.account_id, 8)
    await write_claimed(db, first)
    async with asyncio.timeout(10):
        assert await deleting == 12
    await write_claimed(db, later)
    assert len(await cities(db, account)) == 20


async def test_a_write_in_another_audience_waits_for_nothing(db: Database, account: Tenant) -> None:
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    made = await db.run(create_audience, account.actor, CreateAudience(name="Others"))
    inside = replace(account.actor, audience_id=made.audience_id)
    assert (await db.run_unless_behind(upload_now, inside, AcceptUpload(rows=rows(2)))).report.new == 2


async def test_a_suppression_and_a_reactivation_wait_for_no_upload(db: Database, account: Tenant) -> None:
    await db.run(accept_upload, account.actor, AcceptUpload(rows=rows(12)))
    addresses = [Address(channel=Channel.SMS, value="0521000001")]
    assert (await db.run_unless_behind(suppress, account.actor, Suppress(addresses=addresses, reason="asked"))).done
    command = Reactivate(addresses=addresses, reason="asked")
    assert (await db.run_unless_behind(reactivate, account.actor, command)).done == 1


async def test_a_stop_lists_uploads_are_written_before_it_is_deleted(db: Database, account: Tenant) -> None:
    made = await db.run(create_audience, account.actor, CreateAudience(name="Stop", kind=AudienceKind.STOPLIST))
    inside = replace(account.actor, audience_id=made.audience_id)
    await db.run(accept_upload, inside, AcceptUpload(rows=rows(12)))
    deleting = asyncio.create_task(db.run(delete_audience, inside))
    await asyncio.sleep(0.1)
    assert await process_uploads(db) == 1
    await asyncio.wait_for(deleting, timeout=10)
    assert len((await db.read(list_suppressions, account.actor, ListSuppressions(channels=[Channel.SMS]))).items) == 12

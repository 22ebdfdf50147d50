"""The functions on contacts."""

import asyncio
from functools import partial
from typing import Any

from carillon.audience.contacts.attributes import span_of
from carillon.audience.contacts.contact import MAX_ID, ContactKey
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.uploads.accept import AcceptUpload, accept_upload, upload_in_turn
from carillon.audience.uploads.report import FinishedUpload, upload_report
from carillon.dialects.inforu import replies, schemas
from carillon.dialects.inforu.calls import Call, check_count
from carillon.dialects.inforu.mapping import FIELD_LIST, KEY_KINDS, choose, contact_key, usable
from carillon.dialects.inforu.mapping_dates import read_since, read_until
from carillon.dialects.inforu.mapping_rows import Upload, read_rows, read_token, show_report, show_token
from carillon.dialects.inforu.paging import place_in_list, show_page
from carillon.kit.ids import GroupId

CONFIGURATIONS = {"WithoutGroups": False, "WithGroups": True}
DATE_FIELDS = {"CreatedDate": "created_at", "UpdatedDate": "updated_at"}


async def create_or_update_contacts(
    call: Call, asked: schemas.CreateOrUpdateContacts
) -> replies.UploadReport | replies.UploadAccepted:
    """Write up to 10 rows at once; store more, up to 5,000, and answer with a token before they are processed."""
    check_count(len(asked.rows), schemas.MAX_CONTACTS)
    is_few = len(asked.rows) <= schemas.MAX_FINAL_CONTACTS
    # Thousands of rows take tens of milliseconds, in which no other call would be answered and no upload processed.
    upload = read_rows(asked.rows) if is_few else await asyncio.to_thread(read_rows, asked.rows)
    command = AcceptUpload(rows=upload.rows, options=_options(asked, upload))
    if is_few:
        written = await call.services.db.run_spanning(upload_in_turn, call.actor, command)
        if isinstance(written, FinishedUpload):
            return show_report(written.import_id, written.report)
        accepted = written
    else:
        accepted = await call.services.db.run_at_once(accept_upload, call.actor, command)
    return replies.UploadAccepted(request_token=show_token(accepted))


def _options(asked: schemas.CreateOrUpdateContacts, upload: Upload) -> dict[str, Any]:
    """Record which rows may start automations: all, or those that say so themselves."""
    if asked.handle_events is not None:
        return {"handle_events": asked.handle_events}
    return {"handle_events_rows": list(upload.with_events)} if upload.with_events else {}


async def check_job_status_by_token(call: Call, asked: schemas.CheckJobStatusByToken) -> replies.UploadReport:
    """Answer an upload's statistics once it is processed."""
    done = await call.services.db.read(upload_report, call.actor, read_token(asked.request_token))
    return show_report(done.import_id, done.report)


async def delete_contacts_by_keys(call: Call, asked: schemas.DeleteContacts) -> replies.Deleted:
    """Delete the contacts that any of the keys names; what is no key names none."""
    check_count(len(asked.items), schemas.MAX_ITEMS)
    read = [usable(item, KEY_KINDS) for item in asked.items]
    keys = [ContactKey(kind=one[1], value=one[2]) for one in read if isinstance(one, tuple)]
    count = await call.services.db.run(delete_contacts, call.actor, DeleteContacts(keys=keys))
    return replies.Deleted(deleted_count=count)


async def get_contact(call: Call, asked: schemas.GetContact) -> replies.FoundContacts:
    """Find the contacts that a key names."""
    _, key = contact_key(asked.type, asked.value, "Data.Type")
    with_groups = False
    if asked.configuration:
        _, with_groups = choose(CONFIGURATIONS, asked.configuration, "Data.Configuration")
    found = await call.services.db.read(find_contacts, call.actor, FindContacts(key=key, with_groups=with_groups))
    shown = [call.show.contact(contact, with_groups=with_groups) for contact in found]
    return replies.FoundContacts(contacts=replies.Listing(count=len(shown), items=shown))


async def get_contact_list(call: Call, asked: schemas.GetContactList) -> replies.Batch[Any]:
    """List contacts that were created or updated in a span of time, by their ids."""
    moment = "created_at"
    if asked.filter_by:
        _, moment = choose(DATE_FIELDS, asked.filter_by, "Data.FilterBy")
    zone = call.show.zone
    since = read_since(asked.from_date, zone, "Data.FromDate")
    query = ContactQuery(
        conditions=span_of(moment, since, read_until(asked.to_date, zone, "Data.ToDate")),
        after_id=place_in_list(asked.last_fetched_id),
        limit=call.services.page_size,
        group_id=GroupId(_id(asked.only_for_group_id)) if asked.only_for_group_id else None,
        with_devices=True,
    )
    page = await call.services.db.read(query_contacts, call.actor, query)
    return show_page(page, partial(call.show.contact, with_groups=False))


async def get_fields(_call: Call, _asked: schemas.GetFields) -> replies.Listing[replies.FieldDescription]:
    """List the fields of the account's contacts."""
    return replies.Listing(count=len(FIELD_LIST), items=list(FIELD_LIST))


def _id(number: int) -> int:
    # No group has the id 0, so what can't be an id finds none.
    return number if 0 < number <= MAX_ID else 0

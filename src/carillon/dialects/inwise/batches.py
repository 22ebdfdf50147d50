"""Contacts by the file."""

import asyncio
from functools import partial

from carillon.audience.contacts.batch_write import WriteRows, write_rows
from carillon.dialects.inwise.mapping import country_of, field_name_of, group_id_of
from carillon.dialects.inwise.mapping_files import read_file
from carillon.dialects.inwise.replies import BatchInserted, RowProblem
from carillon.dialects.inwise.schemas import MAX_REPORTED_ERRORS, BatchInsertRequest, FieldMapping
from carillon.dialects.reading import read_request, require
from carillon.dialects.rest import Answer, Call


async def batch_insert(call: Call) -> Answer:
    """Write a file's contacts in one transaction; a bad row costs only itself."""
    asked: BatchInsertRequest = call.body
    code = asked.country_code or ""
    country = country_of(code, "country_code") if code.strip() else call.actor.country
    group_id = group_id_of(asked.group_id or "", "group_id")
    mappings = _mappings(asked)

    read = partial(read_file, asked.csv_file, mappings, trim=bool(asked.trim_leading_zero))
    command = WriteRows(
        rows=await asyncio.to_thread(read),
        country=country,
        group_id=group_id,
        update_existing=bool(asked.update_existing_contacts),
    )
    written = await call.db.run_spanning(write_rows, call.actor, command)
    return Answer(
        data=BatchInserted(
            created=written.new,
            updated=written.updated,
            unchanged=written.unchanged,
            skipped=written.skipped,
            failed=written.failed,
            error_count=len(written.errors),
            errors=[
                RowProblem(row=one.row, field=field_name_of(one.field), value=one.value, message=one.message)
                for one in written.errors[:MAX_REPORTED_ERRORS]
            ],
        )
    )


def _mappings(asked: BatchInsertRequest) -> list[FieldMapping]:
    mappings = []
    for place, item in enumerate(asked.fields_mapping):
        path = f"fields_mapping[{place}]"
        mapping = read_request(FieldMapping, item, path)
        require(mapping, path)
        mappings.append(mapping)
    return mappings

"""What each operation is asked, in inwise's terms.

Every parameter has a default, so that a request with anything missing is still read and the answer can name what is
required.
"""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

REQUIRED = {"required": True}

MAX_FIELDS = 200
MAX_GROUPS = 1_000
MAX_ROWS = 50_000
MAX_REPORTED_ERRORS = 1_000


class PersonalField(msgspec.Struct, kw_only=True):
    """A personal field's value."""

    name: Annotated[str, Meta(description="field1 to field21; the number alone will do.", extra=REQUIRED)] = ""
    content: Annotated[str | None, Meta(description="The value; an empty one empties the field.")] = None


GroupIds: TypeAlias = list[Any]


class SaveContactRequest(msgspec.Struct, kw_only=True):
    """A contact to make or to change."""

    id: Annotated[int | None, Meta(description="The contact to change; 0 or absent: the one that the keys name.")] = (
        None
    )
    email: Annotated[str | None, Meta(description="The address; a blank leaves it as it is.")] = None
    mobile_number: Annotated[str | None, Meta(description="The phone; a blank leaves it as it is.")] = None
    external_id: Annotated[str | None, Meta(description="Your own id for the contact; a blank leaves it.")] = None
    fields: Annotated[
        list[Any], Meta(description="Personal fields.", extra={"item": PersonalField, "limit": MAX_FIELDS})
    ] = []
    clear_existing_fields: Annotated[bool | None, Meta(description="Empty the personal fields that are not given.")] = (
        None
    )
    confirmation_status: Annotated[
        str | None, Meta(description="confirmed, or unconfirmed: not written to until it has confirmed.")
    ] = None
    add_to_groups_ids: Annotated[
        GroupIds, Meta(description="Ids of groups to join; 0 is ignored.", extra={"limit": MAX_GROUPS})
    ] = []
    remove_from_groups_ids: Annotated[
        GroupIds, Meta(description="Ids of groups to leave; 0 is ignored.", extra={"limit": MAX_GROUPS})
    ] = []
    remove_from_all_other_groups: Annotated[
        bool | None, Meta(description="Be in add_to_groups_ids and in no other group.")
    ] = None
    trim_mobile_number_leading_zero: Annotated[
        bool | None, Meta(description="Take one leading zero off a national number.")
    ] = None
    add_default_country_to_mobile_number_only_if_not_exists: Annotated[
        bool | None, Meta(description="Read a national number as one of mobile_number_default_country_code.")
    ] = None
    mobile_number_default_country_code: Annotated[
        str | None, Meta(description="A calling code, such as 972; counts only with the flag that adds it.")
    ] = None


class FieldMapping(msgspec.Struct, kw_only=True):
    """Where a column of the file goes."""

    field_name: Annotated[
        str, Meta(description="[Email], [MobileNumber], or a personal field: field1, or 1.", extra=REQUIRED)
    ] = ""
    file_column_name: Annotated[
        str, Meta(description="The column's name in the file's first line.", extra=REQUIRED)
    ] = ""


class BatchInsertRequest(msgspec.Struct, kw_only=True):
    """A file of contacts."""

    csv_file: Annotated[
        str,
        Meta(
            description=f"CSV text: a line of column names, then a contact a line, {MAX_ROWS} at most.",
            extra=REQUIRED,
        ),
    ] = ""
    fields_mapping: Annotated[
        list[Any],
        Meta(
            description="Which column is what; the others are ignored.",
            extra={"item": FieldMapping, "limit": MAX_FIELDS, **REQUIRED},
        ),
    ] = []
    group_id: Annotated[str | None, Meta(description="The group that the contacts join; blank or 0: none.")] = None
    update_existing_contacts: Annotated[
        bool | None, Meta(description="Whether contacts that are there already are changed.")
    ] = msgspec.field(default=None, name="updateExistingContacts")
    country_code: Annotated[
        str | None, Meta(description="The calling code that national numbers belong to; else the audience's country.")
    ] = None
    trim_leading_zero: Annotated[bool | None, Meta(description="Take one leading zero off national numbers.")] = None

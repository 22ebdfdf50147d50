"""The table of operations: endpoint, what it reads, what it calls, and the reference's parameters."""

from carillon.dialects.inwise import batches, contacts
from carillon.dialects.inwise.replies import BatchInserted, SavedContact, ShownContact
from carillon.dialects.inwise.schemas import BatchInsertRequest, SaveContactRequest
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

BASE = "/rest/v1"

OPERATIONS = (
    Operation(
        method="POST",
        path=f"{BASE}/contacts",
        title="Create or update a contact",
        summary="Makes the contact, or changes the one that the id or the keys name, wholly or not at all.",
        scope=Scope.AUDIENCE_WRITE,
        handle=contacts.save,
        body=SaveContactRequest,
        reply=SavedContact,
        reference=(
            "id",
            "email",
            "mobile_number",
            "fields",
            "name",
            "content",
            "confirmation_status",
            "add_to_groups_ids",
            "remove_from_groups_ids",
            "remove_from_all_other_groups",
            "clear_existing_fields",
            "external_id",
            "trim_mobile_number_leading_zero",
            "add_default_country_to_mobile_number_only_if_not_exists",
            "mobile_number_default_country_code",
        ),
        sample={"email": "noa@example.com", "fields": [{"name": "field1", "content": "Noa"}]},
        notes=(
            "confirmation_status unconfirmed: not written to until it is confirmed; an unsubscribed contact stays so.",
            "The reference gives no names of personal fields but field1, field2 and field21; there are 21.",
            "A blank email, mobile_number or external_id leaves what the contact has.",
        ),
    ),
    Operation(
        method="POST",
        path=f"{BASE}/contacts/batchInsert",
        title="Insert a batch of contacts",
        summary="Writes the contacts of a CSV file before it answers; a bad row costs only itself.",
        scope=Scope.AUDIENCE_WRITE,
        handle=batches.batch_insert,
        body=BatchInsertRequest,
        reply=BatchInserted,
        reference=(
            "csv_file",
            "fields_mapping",
            "field_name",
            "file_column_name",
            "group_id",
            "updateExistingContacts",
            "country_code",
            "trim_leading_zero",
        ),
        sample={
            "csv_file": "Email,Phone,First\nnoa@example.com,0527654321,Noa\n",
            "fields_mapping": [
                {"field_name": "[Email]", "file_column_name": "Email"},
                {"field_name": "[MobileNumber]", "file_column_name": "Phone"},
                {"field_name": "1", "file_column_name": "First"},
            ],
            "updateExistingContacts": True,
            "country_code": "972",
        },
        notes=("The reference shows no answer: the counts and the list of errors are ours.",),
    ),
    Operation(
        method="GET",
        path=f"{BASE}/contacts",
        title="Read new contacts",
        summary="Shows up to 1000 contacts that were made since the key's last call, oldest first, each of them once.",
        scope=Scope.AUDIENCE_READ,
        handle=contacts.feed,
        reply=list[ShownContact],
        notes=("The reference shows no answer: its form is ours, close to what POST takes.",),
    ),
    Operation(
        method="GET",
        path=f"{BASE}/contacts/{{id}}",
        title="Show a contact",
        summary="Shows one contact; it counts as read in no feed.",
        scope=Scope.AUDIENCE_READ,
        handle=contacts.show,
        reply=ShownContact,
        notes=("It is not on the reference's page.",),
    ),
)

"""The table of operations: endpoint, what it reads, what it calls, and the reference's parameters."""

from carillon.dialects.devino import contacts, lists, replies, schemas
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

BASE = "/address-book-api"

LISTS = f"{BASE}/contact-groups"
_DATES = "Dates are in UTC, moved by `zoneOffset`. **[ours]**"
_COUNTS = "Counting walks over all contacts of the lists that are shown. **[ours]**"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path=LISTS,
        title="Create a contact list",
        summary="Makes a contact list with its fields, and answers its id.",
        scope=Scope.AUDIENCE_WRITE,
        handle=lists.create,
        body=schemas.CreateList,
        reply=replies.Result[str],
        reference=("fields", "name", "type", "autoDeleteEnabled", "displayName", "values"),
        sample={
            "fields": [{"displayName": "Nickname", "name": "nick", "type": 3}],
            "name": "Friends",
            "type": "STANDARD",
            "autoDeleteEnabled": True,
        },
        notes=(
            (
                "A main field (name, surname, gender, birthdate, country, city, phone, email) among `fields` is there"
                " already. **[ours]**"
            ),
            "OMNI_API is refused: such lists are made by sending.",
        ),
    ),
    Operation(
        method="GET",
        path=LISTS,
        title="Get all contact lists",
        summary="Shows contact lists that have all that the filters ask for, oldest first.",
        scope=Scope.AUDIENCE_READ,
        handle=lists.show_all,
        query=schemas.ListLists,
        reply=replies.Result[list[replies.ContactList]],
        reference=("limit", "offset", "name", "from", "to", "type", "zoneOffset", "autoDeleteEnabled"),
        notes=(
            _DATES,
            _COUNTS,
            "lastUpdate is when the newest contact was added. segmentsCount counts the audience's groups. **[ours]**",
        ),
    ),
    Operation(
        method="DELETE",
        path=LISTS,
        title="Delete contact list",
        summary="Deletes contact lists with everything in them; each has its own result.",
        scope=Scope.AUDIENCE_WRITE,
        handle=lists.delete,
        query=schemas.DeleteLists,
        reply=replies.Result[list[replies.DeletedList]],
        reference=("smsIds", "ids"),
        notes=(
            "The account's default audience, and one that a credential works in, are not deleted. **[ours]**",
            "An address that was unsubscribed stays so, by a stop list too. **[ours]**",
        ),
    ),
    Operation(
        method="POST",
        path=f"{BASE}/contacts/batch",
        title="Upload contacts to the list",
        summary="Adds contacts to a list; each has its own result, and a bad one costs only itself.",
        scope=Scope.AUDIENCE_WRITE,
        handle=contacts.add_batch,
        query=schemas.BatchQuery,
        body=schemas.Batch,
        reply=replies.Result[list[replies.AddedContact]],
        reference=(
            *("zoneOffset", "contactGroupId", "contacts", "duplicateCheckField", "email", "phone", "fields"),
            *("pushInfo", "name", "displayName", "type", "value", "appId", "os", "pushToken"),
        ),
        sample={
            "contactGroupId": "1",
            "contacts": [
                {
                    "email": "masha@example.com",
                    "phone": "79261234567",
                    "fields": [{"name": "name", "type": 3, "value": "Masha"}],
                    "pushInfo": [{"appId": "shop", "os": 0, "pushToken": "a-token"}],
                }
            ],
            "duplicateCheckField": "phone",
        },
        notes=(
            (
                "Every contact is a new one. A phone or an e-mail that the list has already stays with its first"
                " contact; the later one shows it too, and other dialects don't find it by it. **[ours]**"
            ),
            "A field that the list lacks is made, with the type and displayName that come with it. **[ours]**",
            (
                "A contact has one device a platform, the last; a token belongs to the contact that brought it last."
                " **[ours]**"
            ),
            "Contacts of a STOPLIST are unsubscribed from SMS, voice and e-mail for the whole account.",
            "`zoneOffset` is where the dates with a time in `fields` come from. **[ours]**",
        ),
    ),
    Operation(
        method="GET",
        path=f"{BASE}/contacts/http/range",
        title="Get all contacts from the list",
        summary="Shows contacts of a list that have all that the filters ask for.",
        scope=Scope.AUDIENCE_READ,
        handle=contacts.show_range,
        query=schemas.Range,
        reply=replies.Result[list[replies.Contact]],
        reference=(
            *("contactGroupId", "descOrder", "limit", "offset", "pushToken", "queryName", "queryOperator"),
            *("queryValue", "segmentId", "sortByField", "zoneOffset", "subscriptionChannel", "subscriptionState"),
        ),
        notes=(
            _DATES,
            "A filter or an order walks over the list, and a range over all that comes before it. **[ours]**",
            "A segment is a group of the audience. Fields without a value are left out. **[ours]**",
            "There are no unsubscribes from VIBER, WHATSAPP and PUSH so far. **[ours]**",
        ),
    ),
)

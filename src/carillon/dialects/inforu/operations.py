"""The table of operations, which the vendor calls functions.

It drives routing, the documentation pages, OpenAPI and the coverage page. The order is the reference's; GetFields,
which it lacks, SMS and one-time passwords come last.
"""

from carillon.dialects.inforu import contacts, groups, replies, schemas, suppressions
from carillon.dialects.inforu.calls import Operation
from carillon.dialects.inforu.operations_otp import OTP_OPERATIONS
from carillon.dialects.inforu.operations_sms import SMS_OPERATIONS
from carillon.tenancy.scopes import Scope

_DATES = {"FromDate": "2018/12/15", "ToDate": "2099/12/30"}
_KEY, _SPAN = ("Type", "Value"), ("FromDate", "ToDate")
_SAMPLE_PHONE = {"Type": "Phone", "Value": "0501234567"}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="CreateOrUpdateContacts",
        title="Create or Update Contact",
        summary=(
            "Creates or updates contacts. The key is the phone number, the e-mail address, or both. Up to 10 items are "
            "answered finally; for more, up to 5000, ask CheckJobStatusByToken with the token."
        ),
        request=schemas.CreateOrUpdateContacts,
        reference=(
            *("List", "FirstName", "LastName", "PhoneNumber", "Phone", "Email", "AddToGroupName", "ContactRefId"),
            *("GenderId", "FirebaseToken", "Platform", "ChromeToken", "HandleEvents"),
        ),
        reply=(replies.UploadReport, replies.UploadAccepted),
        handle=contacts.create_or_update_contacts,
        scope=Scope.AUDIENCE_WRITE,
        sample={
            "List": [
                {
                    "FirstName": "Dana",
                    "LastName": "Levi",
                    "PhoneNumber": "0501234567",
                    "Email": "dana.levi@example.com",
                    "AddToGroupName": "Customers",
                }
            ]
        },
        notes=(
            "Blank and null values leave the contact's as they are; `delete` as Email or PhoneNumber takes it away.",
            "A value that can't be read costs its field, and what is no object its row: the others are written.",
            "A row without Email and PhoneNumber fails, unless ContactRefId comes with FirebaseToken or a `delete`.",
            "AddToGroupName and RemoveFromGroupName also take a list of names.",
            "GenderId 0 and ContactRefId 0 count as absent.",
            "RequestToken is spelt without the leading space that the reference's sample has.",
            "HandleEvents is kept with the upload; there are no automations to start yet.",
            "ActualFieldName is the same as FieldName, also where the caller wrote Phone.",
        ),
    ),
    Operation(
        name="CheckJobStatusByToken",
        title="Check Status Token",
        summary="Answers the statistics of an upload, once it is processed; StatusId -2015 until then.",
        request=schemas.CheckJobStatusByToken,
        reference=("RequestToken",),
        reply=(replies.UploadReport,),
        handle=contacts.check_job_status_by_token,
        scope=Scope.AUDIENCE_READ,
        sample={"RequestToken": "BodyPart_5a4414f8-7bf7-48de-a6f7-8fab031bd6f9"},
        notes=(
            "An upload that was answered finally can be asked for too, by its UploadToken.",
            "A report is kept for the days of the setting upload_report_days (30); after them it is unknown, -2014.",
        ),
    ),
    Operation(
        name="DeleteContacts",
        title="Delete Contact",
        summary="Deletes contacts, from all groups too. Up to 100 items.",
        request=schemas.DeleteContacts,
        reference=("List", *_KEY),
        reply=(replies.Deleted,),
        handle=contacts.delete_contacts_by_keys,
        scope=Scope.AUDIENCE_WRITE,
        sample={"List": [{"Type": "Phone", "Value": "0507654321"}]},
        notes=(
            "An unsubscribed address stays unsubscribed when its contact is deleted.",
            "An item of an unknown Type, or whose Value is missing or no text, is passed over.",
        ),
    ),
    Operation(
        name="GetContact",
        title="Get Contact",
        summary="Finds contacts by Phone, Email, ContactRefId or ContactId.",
        request=schemas.GetContact,
        reference=(*_KEY, "Configuration"),
        reply=(replies.FoundContacts,),
        handle=contacts.get_contact,
        scope=Scope.AUDIENCE_READ,
        sample={**_SAMPLE_PHONE, "Configuration": "WithGroups"},
        notes=(
            "Nothing found is a success with Count 0.",
            "Device1StatusId (Android) and Device2StatusId (iOS) are shown beside the reference's keys.",
            "BirthDate and AdditionalDate are days (yyyy-MM-dd), Date1 to Date8 have a time.",
        ),
    ),
    Operation(
        name="GetContactList",
        title="Get Contact List",
        summary="Lists contacts that were created, or updated, in a span of time.",
        request=schemas.GetContactList,
        reference=("FilterBy", *_SPAN, "OnlyForGroupId", "LastFetchedId"),
        reply=(replies.Batch[replies.ContactObject],),  # type: ignore[valid-type] # made at run time
        handle=contacts.get_contact_list,
        scope=Scope.AUDIENCE_READ,
        sample={"FilterBy": "CreatedDate", **_DATES, "OnlyForGroupId": None, "LastFetchedId": 0},
        notes=("Items come in the order of their ids, 1000 a batch where the server isn't set otherwise.",),
    ),
    Operation(
        name="CreateOrUpdateGroup",
        title="Create or Update Group",
        summary="Creates a group, or renames one.",
        request=schemas.CreateOrUpdateGroup,
        reference=("GroupName", "GroupId"),
        reply=(replies.GroupObject,),
        handle=groups.create_or_update_group,
        scope=Scope.AUDIENCE_WRITE,
        sample={"GroupName": "Newsletter", "GroupId": 0, "Description": "Who reads it"},
        field_names={"name": "Data.GroupName", "description": "Data.Description"},
        notes=(
            "The reply is the whole group, as newer accounts of the vendor have it; GroupId is a number.",
            "Names need not be unique: GroupId 0 always makes a group.",
        ),
    ),
    Operation(
        name="DeleteGroup",
        title="Delete Group",
        summary="Deletes groups by id, number or name; by name several may go.",
        request=schemas.DeleteGroup,
        reference=("DeleteGroupBy", "DeleteBy", "Value", "Configuration"),
        reply=(replies.DeletedGroups,),
        handle=groups.delete_group,
        scope=Scope.AUDIENCE_WRITE,
        sample={"DeleteGroupBy": "GroupName", "Value": "Newsletter", "Configuration": "WithoutDeleteContacts"},
        notes=(
            "StatusId -404 when nothing matches; -409 when EmptyGroupOnly finds only groups with contacts.",
            "Names are compared without surrounding white space and case.",
        ),
    ),
    Operation(
        name="GetGroup",
        title="Get Group",
        summary="Finds groups by id, number or name.",
        request=schemas.GetGroup,
        reference=("GetGroupBy", "Value"),
        reply=(replies.Listing[replies.GroupObject],),
        handle=groups.get_group,
        scope=Scope.AUDIENCE_READ,
        sample={"GetGroupBy": "GroupName", "Value": "Customers"},
        notes=("Nothing found is a success with Count 0.",),
    ),
    Operation(
        name="GetGroupList",
        title="Get Group List",
        summary="Lists groups.",
        request=schemas.GetGroupList,
        reference=(*_SPAN, "Type", "LastFetchedId"),
        reply=(replies.Batch[replies.GroupObject],),
        handle=groups.get_group_list,
        scope=Scope.AUDIENCE_READ,
        sample={**_DATES, "Type": "All", "LastFetchedId": 0},
        notes=(
            "The dates filter on the creation. They are optional: the reference requires them, its sample has none.",
            "Counters are there in both spellings that the reference has.",
        ),
    ),
    Operation(
        name="Unsubscribe",
        title="Unsubscribe",
        summary="Unsubscribes phones and e-mail addresses. Up to 100 items.",
        request=schemas.Unsubscribe,
        reference=("UnsubscribeReason", "UnsubscribeName", "List", *_KEY),
        reply=(replies.AddressOutcome,),
        handle=suppressions.unsubscribe,
        scope=Scope.AUDIENCE_WRITE,
        sample={
            "UnsubscribeReason": "Customer request",
            "UnsubscribeName": "CRM",
            "List": [_SAMPLE_PHONE],
        },
        field_names={"reason": "Data.UnsubscribeReason", "name": "Data.UnsubscribeName"},
        notes=(
            "No contact needs to have the address. One that is unsubscribed already counts as a success.",
            "Failed lists what is no phone, or no address, and items that can't be read.",
        ),
    ),
    Operation(
        name="ReactivateUnsubscribe",
        title="Reactivate Unsubscribe",
        summary="Reactivates unsubscribed phones and e-mail addresses. Up to 100 items.",
        request=schemas.ReactivateUnsubscribe,
        reference=("ReactivationReason", "ReactivationName", "List", *_KEY),
        reply=(replies.AddressOutcome,),
        handle=suppressions.reactivate_unsubscribe,
        scope=Scope.AUDIENCE_WRITE,
        sample={
            "ReactivationReason": "Customer request",
            "ReactivationName": "CRM",
            "List": [_SAMPLE_PHONE],
        },
        field_names={"reason": "Data.ReactivationReason", "name": "Data.ReactivationName"},
        notes=("Failed lists what isn't unsubscribed, and items that can't be read.",),
    ),
    Operation(
        name="GetUnsubscribeList",
        title="Get Unsubscribe List",
        summary="Lists what was unsubscribed in a span of time, and still is.",
        request=schemas.GetUnsubscribeList,
        reference=(*_SPAN, "Type", "LastFetchedId"),
        reply=(replies.Batch[replies.SuppressedAddress],),
        handle=suppressions.get_unsubscribe_list,
        scope=Scope.AUDIENCE_READ,
        sample={**_DATES, "Type": "Phone", "LastFetchedId": 0},
        notes=(
            "Items come in the order in which they were unsubscribed, so that LastFetchedId can go on from the last.",
            "Without Type phones and e-mail addresses are listed.",
        ),
    ),
    Operation(
        name="GetUnsubscribeHistory",
        title="Get Unsubscribe History",
        summary="Tells every unsubscribe and reactivation of an address, newest first.",
        request=schemas.GetUnsubscribeHistory,
        reference=_KEY,
        reply=(replies.Listing[replies.HistoryEntry],),
        handle=suppressions.get_unsubscribe_history,
        scope=Scope.AUDIENCE_READ,
        sample=_SAMPLE_PHONE,
        notes=("By ContactRefId or ContactId: of all addresses that the contact has now.",),
    ),
    Operation(
        name="GetUnsubscribeHistoryList",
        title="Get Unsubscribe History List",
        summary="Lists every unsubscribe and reactivation.",
        request=schemas.GetUnsubscribeHistoryList,
        reference=("Type", *_SPAN, "Action", "LastFetchedId"),
        reply=(replies.Batch[replies.HistoryEntry],),
        handle=suppressions.get_unsubscribe_history_list,
        scope=Scope.AUDIENCE_READ,
        sample={"Type": "All", **_DATES, "Action": "All", "LastFetchedId": 0},
        notes=("Items come in the order of their ids, oldest first, so that LastFetchedId can go on from the last.",),
    ),
    Operation(
        name="CheckIfUnsubscribe",
        title="Check if Unsubscribed",
        summary="Tells which items are unsubscribed. Up to 100 items.",
        request=schemas.CheckIfUnsubscribe,
        reference=("List", *_KEY),
        reply=(replies.SuppressionCheck,),
        handle=suppressions.check_if_unsubscribe,
        scope=Scope.AUDIENCE_READ,
        sample={"List": [_SAMPLE_PHONE, {"Type": "Email", "Value": "dana.levi@example.com"}]},
        notes=(
            "By ContactRefId or ContactId: unsubscribed when any of the contact's addresses is.",
            "NotUnsubscribe lists items that can't be read, too.",
        ),
    ),
    Operation(
        name="GetFields",
        title="Get Fields",
        summary="Lists the fields of the account's contacts.",
        request=schemas.GetFields,
        reply=(replies.Listing[replies.FieldDescription],),
        handle=contacts.get_fields,
        scope=Scope.AUDIENCE_READ,
        sample={},
        notes=("Not in the reference. The fields are the same for every account, and FieldId is our own numbering.",),
    ),
    *SMS_OPERATIONS,
    *OTP_OPERATIONS,
)

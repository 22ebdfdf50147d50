"""The table's lines on SMS, version 2."""

from collections.abc import Sequence

from carillon.dialects.inforu import replies, schemas_sms, sms
from carillon.dialects.inforu.calls import Operation
from carillon.tenancy.scopes import Scope

SMS_OPERATIONS: Sequence[Operation] = (
    Operation(
        folder="SMS",
        name="SendSms",
        title="Send SMS",
        summary="Sends a text to recipients, and to the members of groups.",
        request=schemas_sms.SendSms,
        reference=(
            *("Message", "Recipients", "Phone", "GroupNumbers", "ExcludeGroupNumbers", "GroupNumber", "Settings"),
            *("Sender", "CampaignName", "TimeToSend", "DelayInSeconds", "CustomerMessageID", "CustomerParameter"),
            *("DeliveryNotificationUrl", "Priority", "MaxSegments", "IgnoreUnsubscribeCheck", "ExpireDate"),
            *("ShortenUrlEnable", "AllowDuplicates"),
        ),
        reply=(replies.SmsAccepted,),
        handle=sms.send_sms,
        scope=Scope.MESSAGES_WRITE,
        sample={
            "Message": "Shalom [#FirstName#], your order is ready.",
            "Recipients": [{"Phone": "0521234567", "FirstName": "Dana", "CustomerMessageID": "order-1"}],
            "Settings": {"Sender": "Carillon", "CampaignName": "Orders"},
        },
        field_names={
            "text": "Data.Message",
            "scheduled_at": "Data.Settings.TimeToSend",
            "callback_url": "Data.Settings.DeliveryNotificationUrl",
            "campaign": "Data.Settings.CampaignName",
        },
        notes=(
            "[#Field#] takes the recipient's field of this name, else the one of the contact with the number.",
            "A field that nobody has is empty in the text; what no recipient and no contact can have stays as written.",
            "More than 5,000 recipients, and groups, are accepted at once, and written in the background.",
            "A message to groups is marketing, unless Priority or IgnoreUnsubscribeCheck says that it is none.",
            "Recipients counts who gets it; Errors lists who of the request does not, and why, 100 at most.",
            "A group's members are those of the moment when it is accepted; Recipients counts them all.",
            "ShortenUrlEnable: each recipient has short links of its own; in a message to groups all have the same.",
        ),
    ),
)

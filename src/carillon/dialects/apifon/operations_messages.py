"""The operations of SMS and of the balance, each with the scope that the reference asks for."""

from collections.abc import Sequence

from carillon.dialects.apifon import balances, messages, schemas
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

_SMS = "/services/api/v1/sms"

MESSAGE_OPERATIONS: Sequence[Operation] = (
    Operation(
        method="POST",
        path=f"{_SMS}/send",
        title="Send SMS",
        summary="Sends an SMS to many numbers, at once or at a moment; parameters that are wrong are 403.",
        scope=Scope.MESSAGES_WRITE,
        permission="smsGateway",
        handle=messages.send,
        body=schemas.SendSms,
        reference=(
            *("subscribers", "number", "custom_id", "params", "reference_id", "message", "text", "dc", "sender_id"),
            *("callback_url", "tte", "date", "url", "data", "redirect", "method", "prevent_sys_params"),
            *("landing_domain", "enable_tracking"),
        ),
        sample={
            "subscribers": [{"number": "306944000001", "custom_id": "222", "params": {"name": "John"}}],
            "reference_id": "Campaign #215",
            "message": {"text": "Hello {name}!", "sender_id": "Apifon"},
        },
        notes=(
            "A text with a place for a landing page goes to nobody who has no parameter for it: 403. **[ours]**",
            "System parameters are `message_id`, `request_id` and `short_code`. **[ours]**",
            "`method` counts with `redirect` false: a page of ours leads to the URL, by POST with `data`. **[ours]**",
            "A form is sent to no `viber://` URL: 403. **[ours]**",
            "`landing_domain` is one that the account has shown to be its own (`carillon link domain`). **[ours]**",
            "A number that can't be one costs only its recipient (status 105), unless no other is given.",
            "With dc 0 typographic characters are replaced by GSM's, and a text that GSM can't write is sent as UCS-2.",
            "A number that is given again with the same text is sent to once; the others have status 111.",
        ),
    ),
    Operation(
        method="POST",
        path=f"{_SMS}/remove",
        title="Delete Scheduled SMS",
        summary="Cancels what is not submitted yet, and answers the number of messages.",
        scope=Scope.MESSAGES_WRITE,
        permission="smsGateway",
        handle=messages.remove,
        body=schemas.RemoveSms,
        reference=("field", "id"),
        sample={"id": "adbfbe48-82e7-49d5-af1a-e5b284cf5bf3", "field": "REQUEST_ID"},
        notes=("An id that nothing has is 0 messages.",),
    ),
    Operation(
        method="POST",
        path="/services/api/v1/balance",
        title="Balance",
        summary="Shows what is in the account, and the subscriptions that are active.",
        scope=Scope.MESSAGES_READ,
        permission="accountInfo",
        handle=balances.show,
        notes=(
            "`balance` has what is reserved in it; `plafon` is the credit limit.",
            "`endDate` is the last second of a subscription, in UTC.",
        ),
    ),
)

"""The operations of instant messages, each with the scope that the reference asks for."""

from collections.abc import Sequence

from carillon.dialects.apifon import im, messages, schemas, schemas_im
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

_IM = "/services/api/v1/im"
_PERMISSION = "imGateway"
_OUTER = ("subscribers", "number", "custom_id", "reference_id", "callback_url", "reply_url", "im_channels", "date")

IM_OPERATIONS: Sequence[Operation] = (
    Operation(
        method="POST",
        path=f"{_IM}/send",
        title="IM Request",
        summary="Sends an instant message to many numbers, with an SMS where it fails; wrong parameters are 403.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=im.send,
        body=schemas_im.SendIm,
        reference=(
            *_OUTER,
            *("params", "message", "text", "dc", "sender_id", "id", "images", "actions", "title", "target_url"),
            *("videos", "video_url", "video_content_length", "video_duration", "thumbnail_image_url"),
            *("video_content_type", "video_caption", "ttl", "expiry_text", "device_target"),
        ),
        sample={
            "subscribers": [{"number": "306944000001", "custom_id": "222", "params": {"name": "John"}}],
            "message": {"text": "Hello {name}!", "sender_id": "Apifon"},
            "im_channels": [
                {
                    "sender_id": "Blue",
                    "text": "Hello {name}!",
                    "images": ["https://www.example.com/table.jpg"],
                    "actions": [{"title": "Book", "target_url": "https://www.example.com/book"}],
                    "ttl": 600,
                }
            ],
        },
        notes=(
            "Landing pages are as in Send SMS: a place in either text, or in a button's URL, needs its parameter.",
            "The SMS goes at once where the status is unknown_user, no_active_subscription or expired.",
            "A text alone is transactional, anything else but a file marketing, unless the credential says otherwise.",
            "A button whose URL can't be one costs the messages, not the request: status 121.",
        ),
    ),
    Operation(
        method="POST",
        path=f"{_IM}/file",
        title="IM File Request",
        summary="Sends a file to many numbers; wrong parameters are 403.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=im.send_file,
        body=schemas_im.SendFile,
        reference=(*_OUTER, "id", "sender_id", "file_name", "file_type", "file_url", "ttl"),
        sample={
            "subscribers": [{"number": "306944000001"}],
            "im_channels": [
                {
                    "sender_id": "Blue",
                    "file_name": "menu.pdf",
                    "file_type": "pdf",
                    "file_url": "https://www.example.com/menu.pdf",
                }
            ],
        },
    ),
    Operation(
        method="POST",
        path=f"{_IM}/remove",
        title="Delete Scheduled IM",
        summary="Cancels what is not submitted yet, and answers the number of messages.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=messages.remove,
        body=schemas.RemoveSms,
        reference=("field", "id"),
        sample={"id": "adbfbe48-82e7-49d5-af1a-e5b284cf5bf3", "field": "REQUEST_ID"},
        notes=("An id that nothing has is 0 messages.",),
    ),
)

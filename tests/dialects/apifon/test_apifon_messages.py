"""SMS: what is sent, what is refused, and what is removed again."""

from typing import Any

from tests.dialects.apifon.wire import Wire

SEND, REMOVE = "/services/api/v1/sms/send", "/services/api/v1/sms/remove"
NUMBER, OTHER = "306944000001", "306944000002"


def request(*numbers: Any, **more: Any) -> dict[str, Any]:
    subscribers = [one if isinstance(one, dict) else {"number": one} for one in numbers or (NUMBER,)]
    message = {"text": "Hello There!", "sender_id": "Apifon"} | more.pop("message", {})
    return {"subscribers": subscribers, "message": message, **more}


async def test_the_simple_request_of_the_reference_is_accepted(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request())
    print(reply)
    print(await wire.call("POST", SEND, request("12")), (await wire.call("POST", SEND, request("12"))).text)
    print((await wire.call("POST", SEND, request(message={"text": "Γειά σου"}))).text)
    print(
        (
            await wire.call(
                "POST",
                SEND,
                b'{"message":{"text":"a\\ud800","sender_id":"x"},"subscribers":[{"number":"306944000001"}]}',
            )
        ).text
    )
    print(
        (
            await wire.call(
                "POST",
                SEND,
                b'{"message":{"text":"a","sender_id":"x"},"subscribers":[{"number":"306944000001","custom_id":"\\ud800"}]}',
            )
        ).text
    )
    print((await wire.call("POST", SEND, b"[")).text)
    print((await wire.call("POST", "/services/balance/")).text)
    print((await wire.call("GET", "/services/balance/")).text)

"""The calls that a newcomer can paste: one that sends, one that writes a contact and one that reads it back."""


def first_calls(url: str) -> list[str]:
    """Return curl lines for a server's URL; user name and token come from the environment."""
    row = '{"FirstName":"Dana","PhoneNumber":"0501234567","Email":"dana@example.com","AddToGroupName":"Friends"}'
    to, sender = '{"Phone":"0501234567","FirstName":"Dana"}', '{"Sender":"Carillon"}'
    sms = f'{{"Data":{{"Message":"Shalom [#FirstName#]","Recipients":[{to}],"Settings":{sender}}}}}'
    return [
        _curl(url, "SMS/SendSms", sms),
        _curl(url, "Contact/CreateOrUpdateContacts", f'{{"Data":{{"List":[{row}]}}}}'),
        _curl(url, "Contact/GetContact", '{"Data":{"Type":"Phone","Value":"0501234567","Configuration":"WithGroups"}}'),
    ]


def _curl(url: str, function: str, body: str) -> str:
    return (
        f'curl -s -u "$INFORU_USERNAME:$INFORU_TOKEN" -H "Content-Type: application/json" {url}/api/v2/{function} '
        f"-d '{body}'"
    )

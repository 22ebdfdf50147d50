"""The calls that a newcomer can paste: one that writes a contact and one that reads it back."""


def first_calls(base: str) -> list[str]:
    """Return curl lines for `base`, the URL before a function's name; user name and token come from the environment."""
    row = '{"FirstName":"Dana","PhoneNumber":"0501234567","Email":"dana@example.com","AddToGroupName":"Friends"}'
    return [
        _curl(base, "CreateOrUpdateContacts", f'{{"Data":{{"List":[{row}]}}}}'),
        _curl(base, "GetContact", '{"Data":{"Type":"Phone","Value":"0501234567","Configuration":"WithGroups"}}'),
    ]


def _curl(base: str, function: str, body: str) -> str:
    return (
        f'curl -s -u "$INFORU_USERNAME:$INFORU_TOKEN" -H "Content-Type: application/json" {base}{function} '
        f"-d '{body}'"
    )

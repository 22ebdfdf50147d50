"""The calls that a newcomer can paste: an SMS, a contact that is written, and the contact read back."""


def first_calls(url: str) -> list[str]:
    """Return curl lines for the server at `url`; user name and password come from the environment."""
    curl = 'curl -s -u "$NRS_USERNAME:$NRS_PASSWORD" -H "Content-Type: application/json"'
    sent = '{"to":["34600000001"],"from":"Bells","message":"Hello from 360NRS"}'
    body = '{"email":"lucia@example.com","phone":"612345678","countryIso":"ES","groupsNames":["Friends"]}'
    return [
        f"{curl} {url}/api/rest/sms -d '{sent}'",
        f"{curl} {url}/api/rest/contacts -d '{body}'",
        f"{curl} '{url}/api/rest/contacts?email=lucia@example.com&include=groups'",
    ]

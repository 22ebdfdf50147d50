"""The calls that a newcomer can paste: one that writes a contact and one that reads it back."""


def first_calls(url: str) -> list[str]:
    """Return curl lines for the server at `url`; user name and password come from the environment."""
    curl = 'curl -s -u "$NRS_USERNAME:$NRS_PASSWORD" -H "Content-Type: application/json"'
    body = '{"email":"lucia@example.com","phone":"612345678","countryIso":"ES","groupsNames":["Friends"]}'
    return [
        f"{curl} {url}/api/rest/contacts -d '{body}'",
        f"{curl} '{url}/api/rest/contacts?email=lucia@example.com&include=groups'",
    ]

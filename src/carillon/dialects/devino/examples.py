"""The calls that a newcomer can paste: one that makes a contact list and one that shows all lists."""


def first_calls(url: str) -> list[str]:
    """Return curl lines for the server at `url`; the key comes from the environment."""
    head = f'curl -s -H "Authorization: Key $DEVINO_KEY" {url}/address-book-api/contact-groups'
    return [f'{head} -H "Content-Type: application/json" -d \'{{"name":"Friends","type":"STANDARD"}}\'', head]

"""The calls that a newcomer can paste: one that writes a contact and one that reads the new ones."""


def first_calls(base: str) -> list[str]:
    """Return curl lines for `base`, the URL before a path; the key comes from the environment."""
    contact = '{"email":"noa@example.com","mobile_number":"0527654321","fields":[{"name":"field1","content":"Noa"}]}'
    head = f'curl -s -H "X-API-Key: $INWISE_KEY" {base}/contacts'
    return [f"{head} -H \"Content-Type: application/json\" -d '{contact}'", head]

"""The calls that a newcomer can paste: a token, and with it an SMS, a block and a look at it."""


def first_calls(url: str) -> list[str]:
    """Write curl lines; the client's id and secret come from the environment."""
    token = (
        f'APIFON_BEARER=$(curl -s -X POST -u "$APIFON_CLIENT_ID:$APIFON_CLIENT_SECRET" {url}/oauth2/token '
        '-d grant_type=client_credentials | sed \'s/.*"access_token":"\\([^"]*\\).*/\\1/\')'
    )
    call = (
        f'curl -s -H "Authorization: Bearer $APIFON_BEARER" -H "Content-Type: application/json" {url}/services/api/v1'
    )
    sent = '{"subscribers":[{"number":"306944000001"}],"message":{"text":"Hello There!","sender_id":"Apifon"}}'
    blocked = '{"destination":"306912345678","reason":"sub_requested","description":"Asked by phone"}'
    return [
        token,
        f"{call}/sms/send -d '{sent}'",
        f"{call}/bounce/subscriber/block -d '{blocked}'",
        f"{call}/bounce/subscriber/306912345678",
    ]

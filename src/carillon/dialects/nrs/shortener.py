"""The URL shortener: many URLs in one call, each with an error of its own."""

from carillon.dialects.nrs import replies, schemas
from carillon.dialects.reading import read_request
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError
from carillon.links.shorten import Shorten
from carillon.links.shorten import shorten as shorten_urls

PATH = "/api/rest/shortener/shorten"


async def shorten(call: Call) -> Answer:
    """Shorten URLs: what is none is answered with its error, and the others have their links."""
    asked: schemas.Shorten = call.body
    given = [_long_url(item, f"urls[{place}]") for place, item in enumerate(asked.urls)]
    made = await call.db.run_spanning(shorten_urls, call.actor, Shorten(urls=[one or "" for one in given]))
    shown = [
        replies.Shortened(long_url=long_url, short_url=short_url, error=short_url is None)
        for long_url, short_url in zip(given, made, strict=True)
    ]
    return Answer(data=replies.Inner(shown))


def _long_url(item: object, place: str) -> str | None:
    try:
        return read_request(schemas.LongUrl, item, place).long_url
    except InvalidInputError:
        return None

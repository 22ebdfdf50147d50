"""The URL shortener: many URLs in one call, each with an error of its own."""

from collections.abc import Mapping

from carillon.dialects.nrs import replies, schemas
from carillon.dialects.rest import Answer, Call
from carillon.links.shorten import Shorten
from carillon.links.shorten import shorten as shorten_urls

PATH = "/api/rest/shortener/shorten"


async def shorten(call: Call) -> Answer:
    """Shorten URLs: what is none is answered with its error, and the others have their links."""
    asked: schemas.Shorten = call.body
    given = [_long_url(item) for item in asked.urls]
    made = await call.db.run_spanning(shorten_urls, call.actor, Shorten(urls=[one or "" for one in given]))
    shown = [
        replies.Shortened(long_url=long_url, short_url=short_url, error=short_url is None)
        for long_url, short_url in zip(given, made, strict=True)
    ]
    return Answer(data=replies.Inner(shown))


def _long_url(item: object) -> str | None:
    """Return what an item gave to be shortened, as it gave it; None where that is no text. Its name has any case."""
    given = {name.lower(): value for name, value in item.items()} if isinstance(item, Mapping) else {}
    long_url = given.get("longurl")
    return long_url if isinstance(long_url, str) else None

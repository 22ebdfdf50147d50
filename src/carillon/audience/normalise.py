"""Phones and e-mails of whole columns, with exactly the answers of `read_phone` and `read_email`."""

import polars as pl

from carillon.kit.emails import read_email
from carillon.kit.phones import read_phone

PHONE_COLUMNS = {"digits": pl.String, "quality": pl.Int16, "region": pl.String}
EMAIL_COLUMNS = {"key": pl.String, "given": pl.String}


def normalise_phones(values: pl.Series, country: str | None) -> pl.DataFrame:
    """Read each text as a phone dialled in `country`; rows as given, nulls where there is no phone."""
    readings = [None if value is None else read_phone(value, country) for value in values]
    rows = [(None, None, None) if r is None else (r.digits, r.quality, r.region) for r in readings]
    return pl.DataFrame(rows, schema=PHONE_COLUMNS, orient="row")


def normalise_emails(values: pl.Series) -> pl.DataFrame:
    """Read each text as an e-mail address; rows as given, nulls where there is none."""
    readings = [None if value is None else read_email(value) for value in values]
    rows = [(None, None) if r is None else (r.key, r.given) for r in readings]
    return pl.DataFrame(rows, schema=EMAIL_COLUMNS, orient="row")

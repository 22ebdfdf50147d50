"""E-mail addresses: what is accepted as one, and the key under which it is unique.

`read_email` is the rule, one value at a time. The vectorised reading in `carillon.addresses.normalise` gives
the same answers and is tested against it.
"""

from dataclasses import dataclass

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

MAX_EMAIL_CHARACTERS = 320
"""Longer texts are not e-mails: RFC 5321's 64 + 1 + 255, applied before anything else looks at the text."""


def _masked(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@…{domain.rpartition('.')[2]}"


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address: its key (lower-cased) and the spelling that was given, where that differs.

    Its repr and str are a mask.
    """

    key: str
    given: str | None = None

    def __post_init__(self) -> None:
        if "@" not in self.key or self.key != self.key.lower():
            raise ValueError("an e-mail's key is a lower-cased address")

    @property
    def address(self) -> str:
        """The spelling to write to."""
        return self.key if self.given is None else self.given

    def __repr__(self) -> str:
        return f"Email('{_masked(self.key)}')"


@dataclass(frozen=True, slots=True)
class EmailReading:
    """A value read as an e-mail: the key, and the normalised spelling where it differs.

    The repr is a mask.
    """

    key: str
    given: str | None

    def __repr__(self) -> str:
        return f"EmailReading('{_masked(self.key)}')"


def read_email(value: str) -> EmailReading | None:
    """Read a value as an e-mail address; None: it is not one.

    The rule (design, "What is an e-mail"): at most 320 characters, and without its surrounding white space it
    is what email-validator accepts with its default options and no question to DNS. So quoted local parts,
    domain literals, display names, domains without a dot and special-use domains (.test, .local, .invalid,
    .onion, .arpa, .localhost) are refused; example.com is not. The key is the validator's normalised address
    lower-cased.
    """
    if len(value) > MAX_EMAIL_CHARACTERS:
        return None
    validated = validated_address(value.strip())
    if validated is None:
        return None
    key = validated.normalized.lower()
    return EmailReading(key, None if validated.normalized == key else validated.normalized)


def validated_address(address: str) -> ValidatedEmail | None:
    """Parse an address by email-validator's default options, without DNS; None: it is refused."""
    try:
        return validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return None

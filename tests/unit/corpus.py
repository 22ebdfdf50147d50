"""Seeded phones and e-mails, good and bad, for the tests that compare the vectorised reading with the reference."""

import random

import phonenumbers
from phonenumbers import PhoneNumberFormat

COUNTRIES = (
    *("IL", "GR", "ES", "RU", "GB", "US", "CA", "DE", "FR", "IT", "AR", "BR", "MX", "CL", "CO", "PE", "AU", "NZ"),
    *("JP", "KR", "CN", "HK", "SG", "ID", "IN", "TH", "VN", "KZ", "BY", "UA", "PL", "HU", "LT", "CZ", "RO", "BG"),
    *("TR", "EG", "MA", "ZA", "NG", "KE", "SE", "NO", "FI", "DK", "NL", "BE", "CH", "AT", "PT", "IE", "CY", "JM"),
    *("GG", "IM", "SM", "GA", "UY", "CR", "MG", "BB", "VA", "AX", "NF", "CV", "AE", "SA"),
)

KINDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
FOREIGN = ("IL", "GR", "ES", "RU", "GB", "US", "DE", "IT", "BR", "AR")
NON_GEOGRAPHIC = ("80012345678", "870123456789", "8835100123456", "979123456789", "99000000000", "2101234567")
GARBAGE: tuple[str, ...] = (
    *("", " ", "n/a", "none", "-", "+", "()", "00", "000000000", "0" * 16, "1", "12", "123", "+1", "+12", "++", "+0"),
    *("abc", "tel:+972501234567", "1-800-FLOWERS", "050-123-4567 x12", "0501234567 ext. 5", "0501234567#12"),
    *(
        "050,1234567",
        "050;1234567",
        "050~1234567",
        "*050*1234567",
        "050*1234567",
        "\x00" + "0501234567",
        "0501234567\x00",
    ),
    *(
        "0501234567/0507654321",
        "0501234567 / x1",
        "(050)(123)4567",
        "[050] 1234567",
        "_0501234567_",
        "0501234567.",
        "'0501234567",
    ),
    *(
        "\u200e0501234567\u200f",
        "\u202a+972501234567\u202c",
        "050\u20111234567",
        "050\u00a01234567",
        "\u00b20501234567",
    ),
    *("0501234567\u00b2", "\u2164501234567", "050\u2014123\u20144567", "+\u2060972501234567", "\uff0b972501234567"),
    *("9" * 40, "9" * 41, "1" * 250, "1" * 251, " " * 240 + "0501234567", " " * 250 + "0501234567", "x" * 3000),
    *(
        "\u05d0" * 400,
        "1" * 2000,
        "0501234567" + " " * 30,
        "\t0501234567\r\n",
        "\v0501234567",
        "\x1c0501234567",
        "050\t1234567",
    ),
    *("+00972501234567", "+0501234567", "00+972501234567", "+972+501234567", "+ 972 50 1234567", "+(972)501234567"),
    *("(+972) 50-123-4567", "+972 (0)50 123 4567", "00 972 50 1234567", "0-0972501234567", "972-0501234567"),
    *(
        "\u0660\u0660\u0669\u0667\u0662\u0665\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "\u0660\u0665\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "\uff10\uff15\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
        "\u0966\u096b\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d",
        "05\uff101\uff1234567",
        "\u06f0\u06f5\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7",
        "\U0001d7ce\U0001d7d3\U0001d7ce\U0001d7cf\U0001d7d0\U0001d7d1\U0001d7d2\U0001d7d3\U0001d7d4\U0001d7d5",
    ),
)
# As spreadsheets write numbers, whole and rounded ones.
GARBAGE += (
    *("501234579.0", "501234579,00", "+972501234567.0", "0501234567.0", "972501234567.000", "0541234.000", "12345.0"),
    *("5.01234579E8", "5,01234579e+08", "9.72501E+11", "9.72501234567E+11", "5.0123457900E8", "5.012345795E8", "5E8"),
    *(" 501234579.0\t", "\x1c5.01234579E8 ", "1.5e", "5.01234579E8x", "5012345.79", "\uff15.01234579E8"),
    *(
        "5555555",
        "0111111111",
        "+1111111",
        "001111111111",
        "(77) 777-7777",
        "1111111.0",
        "1.111111E6",
        "123456",
        "0312345",
    ),
)

_OTHER_DIGITS = (
    "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
    "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f",
)
_SEPARATORS = (" ", "-", ".", "/", "  ", " - ", "\u00a0", "\u2010", "\u202f", "\u2019", "'")


def seeded(name: object) -> random.Random:
    """The same choices in every run."""
    return random.Random(str(name))  # noqa: S311 - sample values, no secrets


def phones_of(country: str, rng: random.Random, count: int) -> list[str]:
    """Phones as people of `country` write them, and what goes wrong with them."""
    examples = _national_numbers(country)
    return [_written(country, rng.choice(examples), rng) for _ in range(count)] + list(GARBAGE)


def _national_numbers(country: str) -> list[str]:
    numbers = [phonenumbers.example_number_for_type(country, kind) for kind in KINDS]
    return [phonenumbers.national_significant_number(number) for number in numbers if number is not None]


def _written(country: str, example: str, rng: random.Random) -> str:
    code = str(phonenumbers.country_code_for_region(country))
    kept = rng.choice((0, 1, 2, 3, 4, len(example)))
    nsn = example[:kept] + "".join(rng.choice("0123456789") for _ in example[kept:])
    trunk = phonenumbers.ndd_prefix_for_region(country, strip_non_digits=True) or "0"
    abroad = rng.choice(FOREIGN)
    foreign_code = str(phonenumbers.country_code_for_region(abroad))
    foreign = rng.choice(_FOREIGN_NUMBERS[abroad])
    forms = (
        *(trunk + nsn, nsn, code + nsn, "+" + code + nsn, "00" + code + nsn, code + trunk + nsn),
        *("+" + code + trunk + nsn, "011" + code + nsn, "+" + foreign_code + foreign, "00" + foreign_code + foreign),
        *(foreign_code + foreign, foreign, "0" + nsn, "1" + nsn, "8" + nsn, "15" + nsn, "0015" + nsn),
        *(rng.choice(NON_GEOGRAPHIC), "+" + rng.choice(NON_GEOGRAPHIC), _formatted(code, nsn, rng)),
    )
    return _disturbed(rng.choice(forms), rng)


def _formatted(code: str, nsn: str, rng: random.Random) -> str:
    try:
        number = phonenumbers.parse("+" + code + nsn)
    except phonenumbers.NumberParseException:
        return nsn
    style = rng.choice((PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966))
    return phonenumbers.format_number(number, style)


def _disturbed(text: str, rng: random.Random) -> str:
    turn = rng.randrange(16)
    if turn < 4:
        return text
    at = rng.randrange(len(text) + 1)
    if turn < 8:
        separator = rng.choice(_SEPARATORS)
        return text[:3] + separator + text[3:6] + separator + text[6:]
    digits = rng.choice(_OTHER_DIGITS)
    return (
        f"({text[:3]}) {text[3:]}",
        f" {text}\t",
        text[:at],
        text + str(rng.randrange(10**4)),
        text[:at] + rng.choice("abcxX*#+,;~") + text[at:],
        "".join(digits[int(char)] if char in "0123456789" else char for char in text),
        text + " ext " + str(at),
        rng.choice(("\u200f", "'", "_", "$", "\x00")) + text,
    )[turn - 8]


_FOREIGN_NUMBERS = {country: _national_numbers(country) for country in FOREIGN}

EMAIL_LOCALS = (
    *(
        "anna",
        "David.Cohen",
        "x",
        "jo-ann_9",
        "a+tag",
        "INFO",
        "Postmaster",
        "news",
        "o'neil",
        "a..b",
        ".a",
        "a.",
        "",
        "a b",
    ),
    *(
        '"a b"',
        '"quoted"',
        '"a\\"b"',
        "a(b)",
        "דוד",
        "josé",
        "jose\u0301",
        "\u0301a",
        "ß",
        "İstanbul",
        "a\u00a0b",
        "a\u200bb",
        "<a",
    ),
    *(
        "!#$%&'*+-/=?^_`{|}~",
        "a,b",
        "a;b",
        "a@b",
        "a\\b",
        "a\x00b",
        "l" * 64,
        "l" * 65,
        "L" * 200,
        "\U0001f600",
        "\u2126",
    ),
)
EMAIL_DOMAINS = (
    *(
        "example.com",
        "Mail.Example.CO.IL",
        "b.c",
        "x-y.org",
        "x--y.org",
        "xn--4dbc.com",
        "xn--a.com",
        "ab--c.com",
        "-a.com",
    ),
    *(
        "a-.com",
        "a.-b.com",
        "a..com",
        ".com",
        "com",
        "com.",
        "localhost",
        "a.localhost",
        "x.test",
        "X.TEST",
        "y.local",
        "z.invalid",
    ),
    *(
        "q.onion",
        "arpa",
        "in-addr.arpa",
        "testy.com",
        "contest",
        "a.contest",
        "a.b1",
        "a.1b",
        "a.1",
        "1.2.3.4",
        "[1.2.3.4]",
    ),
    *(
        "münchen.de",
        "דוגמה.com",
        "1.דוגמה.com",
        "\uff21\uff22\uff23.com",
        "a。com",
        "straße.de",
        "a_b.com",
        "a b.com",
        "é.com",
        "e\u0301.com",
    ),
    *(
        "l" * 63 + ".com",
        "l" * 64 + ".com",
        ".".join(["l" * 60] * 4) + ".com",
        "exa\u00admple.com",
        "faß.de",
        "\u1e9e.de",
        "a\n.com",
    ),
)
EMAIL_FRAMES = (
    "{}",
    "{}",
    "{}",
    " {}",
    "{}\r\n",
    "\t{} ",
    "\u00a0{}",
    "\x1c{}",
    "<{}>",
    "Name <{}>",
    "{}>",
    "{}\x00",
    "mailto:{}",
    '"{}"',
)


def emails(rng: random.Random, count: int) -> list[str]:
    """E-mail addresses, ordinary and odd."""
    return [
        *(_around(local, domain, "{}") for local in EMAIL_LOCALS for domain in EMAIL_DOMAINS),
        *(_around(rng.choice(EMAIL_LOCALS), rng.choice(EMAIL_DOMAINS), rng.choice(EMAIL_FRAMES)) for _ in range(count)),
        *(_around(f"{_word(rng)}.{_word(rng)}", f"{_word(rng)}.{_word(rng)}", "{}") for _ in range(count)),
        *(
            "",
            " ",
            "@",
            "a",
            "a@",
            "@b.com",
            "a\uff20b.com",
            "a@@b.com",
            "a" * 321,
            "a" * 5000 + "@b.com",
            " " * 330 + "a@b.com",
        ),
        *(
            " " * 300 + "a@b.com",
            "a" * 58 + "@bb.com",
            "a" * 248 + "@bb.de",
            "a" * 249 + "@bb.de",
            "דוד@" + "b" * 60 + ".com",
        ),
    ]


def _around(local: str, domain: str, frame: str) -> str:
    return frame.replace("{}", f"{local}@{domain}")


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("abcXYZ019-_+.é") for _ in range(rng.randrange(1, 9)))

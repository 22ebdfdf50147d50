"""Contact files for the benches: the same rows for the same seed, made row by row and never held in memory.

What real files have, in these shares: names in eight scripts and phones of as many countries, an eighth of the rows
each. Of the phones half are plain (a tenth with 00), half are spaced or dashed; of Israel's, the account's country,
half are national. One e-mail in ten has one of five hundred international domains, half of these in Punycode; one in a
thousand has a local part that isn't ASCII. In a thousand rows five repeat the row before, two have a bad phone and one
has no key; all others have an external id.
"""

from collections.abc import Iterator
from pathlib import Path

HEADER = "Phone,Email,External id,First name,Last name,City,Text1,Text2,Number1,Birthday"
"""Three keys, names in two columns and five fields, spelt the way that people spell them."""

# Calling code, the start of a mobile number, and the digits behind it: ten million numbers or more of each country.
_COUNTRIES = (
    *(("972", "5", 8), ("30", "69", 8), ("34", "6", 8), ("7", "9", 9)),
    *(("44", "74", 8), ("20", "10", 8), ("91", "98", 8), ("81", "90", 8)),
)
_UNSPACED, _SPACED, _DASHED = "+{code}{local}", "+{code} {net} {first} {second}", "+{code}-{net}-{first}{second}"
_FORMS = (
    *(_UNSPACED, _UNSPACED, _UNSPACED, _UNSPACED, "00{code}{local}"),
    *(_SPACED, _SPACED, _DASHED, _DASHED, "+{code} {net}-{first}-{second}"),
)
_NATIONAL = "0{net}-{first}{second}"
_FORMS_OF_ISRAEL = (
    *(_UNSPACED, _UNSPACED, "00{code}{local}", _SPACED, _DASHED),
    *("0{local}", "0{local}", _NATIONAL, _NATIONAL, "0{net} {first} {second}"),
)
_NAMES = (
    (("נועה", "יובל", "תמר", "איתי", "מאיה"), ("לוי", "מזרחי", "פרץ", "ביטון", "אברהם")),
    (("Ελένη", "Γιώργος", "Άννα", "Νίκος", "Ζωή"), ("Παππάς", "Νικολάου", "Ιωάννου", "Δήμου", "Λάμπρου")),
    (("Lucía", "Íñigo", "Ángela", "Hugo", "Begoña"), ("Muñoz", "García", "Peña", "López", "Núñez")),
    (("Анна", "Пётр", "Юлия", "Олег", "Софья"), ("Иванова", "Соловьёв", "Кузнецов", "Орлова", "Попов")),
    (("Harriet", "Oliver", "Zoë", "Conor", "Maeve"), ("O'Neill", "Smith", "Brontë", "Lloyd-Jones", "Patel")),
    (("أحمد", "فاطمة", "يوسف", "مريم", "خالد"), ("حسن", "منصور", "عبد الله", "شريف", "فهمي")),
    (("आरव", "प्रिया", "रोहन", "अनन्या", "विक्रम"), ("शर्मा", "वर्मा", "गुप्ता", "सिंह", "अय्यर")),
    (("翔太", "美咲", "大輔", "さくら", "ケンジ"), ("佐藤", "鈴木", "高橋", "田中", "渡辺")),
)
_CITIES = ("Haifa", "תל אביב", "Αθήνα", "Málaga", "Казань", "Bristol", "القاهرة", "मुंबई", "大阪", "Netanya")
_DOMAINS = ("example.com", "mail.example.org", "post.example.net", "inbox.example.co.il", "Example.com")
_LABELS = ("bücher", "españa", "почта", "παράδειγμα", "דואר", "مثال", "उदाहरण", "例え", "한국", "Zoë")
_PUNYCODE_LABELS = tuple(label.encode("idna").decode() for label in _LABELS)
_SHOPS = 50
_TIERS = ("gold", "silver", "bronze", "none")

# In a thousand rows.
_BAD_PHONE, _NO_KEY, _REPEATED = 2, 1, 5
_IN_UNICODE, _IN_PUNYCODE, _LOCAL_IN_UNICODE = 50, 50, 1


def rows(count: int, *, changed: bool = False, start: int = 0) -> Iterator[str]:
    """Yield lines of a file; with `changed` every other row has another value in two of its fields.

    `start` shifts the addresses, so that files of disjoint spans share none.
    """
    for place in range(start, start + count):
        fate = _scattered(place, 2_654_435_761)
        line = place - 1 if fate < _REPEATED and place > start else place
        yield _row(line, changed and place % 2 == 1, fate)


def _scattered(place: int, factor: int) -> int:
    """Draw one of a thousand, evenly over the places, the same in every run."""
    return place * factor % 2**32 * 1000 >> 32


def _row(place: int, changed: bool, fate: int) -> str:  # noqa: FBT001 - a row's own column
    number = place * 7_368_787 % 100_000_000  # scattered over the range, each once: the factor is prime to it
    country = place % len(_COUNTRIES)
    first, last = _NAMES[country][0][place // 7 % 5], _NAMES[country][1][place // 3 % 5]
    keys = f"{_phone(place, country, number)},{_email(place, number)},crm-{place:07d}"
    if _REPEATED <= fate < _REPEATED + _BAD_PHONE:
        keys = f"unknown{keys[keys.index(',') :]}"
    elif _REPEATED + _BAD_PHONE <= fate < _REPEATED + _BAD_PHONE + _NO_KEY:
        keys = ",,"
    tier = _TIERS[(place + changed) % len(_TIERS)]
    balance = f"{(number + 137 * changed) % 100_000 / 100:.2f}"
    birthday = f"{1950 + place % 55}-{1 + place % 12:02d}-{1 + place % 28:02d}"
    return f"{keys},{first},{last},{_CITIES[place % 10]},{tier},ref-{place},{balance},{birthday}\n"


def _phone(place: int, country: int, number: int) -> str:
    code, head, digits = _COUNTRIES[country]
    local = f"{head}{number:0{digits}d}"
    forms = _FORMS if country else _FORMS_OF_ISRAEL
    form = forms[place // len(_COUNTRIES) % len(forms)]
    return form.format(code=code, local=local, net=local[:2], first=local[2:5], second=local[5:])


def _email(place: int, number: int) -> str:
    draw = _scattered(place, 2_246_822_519)
    local = f"user.{number:x}{place % 89}"
    if draw < _IN_UNICODE + _IN_PUNYCODE:
        labels = _LABELS if draw < _IN_UNICODE else _PUNYCODE_LABELS
        return f"{local}@{labels[place // 3 % len(labels)]}.shop-{number // 1000 % _SHOPS}.example"
    if draw >= 1000 - _LOCAL_IN_UNICODE:
        local = f"анна.{number:x}"
    return f"{local}@{_DOMAINS[place % 11 % len(_DOMAINS)]}"


def write_file(path: Path, count: int, *, changed: bool = False, start: int = 0) -> None:
    """Write a CSV file of `count` rows under HEADER."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        file.writelines(rows(count, changed=changed, start=start))

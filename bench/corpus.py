"""Contact files for the benches: the same rows for the same seed, made row by row and never held in memory."""

from collections.abc import Iterator
from pathlib import Path

HEADER = "Phone,Email,First name,Last name,City,Text1,Text2,Number1,Birthday"
"""Names in two columns and five custom fields, spelt the way that people spell them."""

# Calling code, the start of a mobile number, and the digits behind it: ten million numbers or more of each country.
_COUNTRIES = (("972", "5", 8), ("30", "69", 8), ("34", "6", 8), ("7", "9", 9), ("44", "74", 8))
_NAMES = (
    (("נועה", "יובל", "תמר", "איתי", "מאיה"), ("לוי", "מזרחי", "פרץ", "ביטון", "אברהם")),
    (("Ελένη", "Γιώργος", "Άννα", "Νίκος", "Ζωή"), ("Παππάς", "Νικολάου", "Ιωάννου", "Δήμου", "Λάμπρου")),
    (("Lucía", "Íñigo", "Ángela", "Hugo", "Begoña"), ("Muñoz", "García", "Peña", "López", "Núñez")),
    (("Анна", "Пётр", "Юлия", "Олег", "Софья"), ("Иванова", "Соловьёв", "Кузнецов", "Орлова", "Попов")),
    (("Harriet", "Oliver", "Zoë", "Conor", "Maeve"), ("O'Neill", "Smith", "Brontë", "Lloyd-Jones", "Patel")),
)
_CITIES = ("Haifa", "תל אביב", "Αθήνα", "Málaga", "Казань", "Bristol", "Netanya", "Πάτρα", "Sevilla", "Самара")
_DOMAINS = ("example.com", "mail.example.org", "post.example.net", "inbox.example.co.il", "Example.com")
_TIERS = ("gold", "silver", "bronze", "none")

# In a thousand rows: what real files have too.
_BAD_PHONE, _NO_KEY, _REPEATED = 2, 1, 5


def rows(count: int, *, changed: bool = False, start: int = 0) -> Iterator[str]:
    """Yield lines of a file; with `changed` every other row has another value in two of its fields.

    `start` shifts the addresses, so that files of disjoint spans share none.
    """
    for place in range(start, start + count):
        fate = place * 2_654_435_761 % 2**32 * 1000 >> 32  # scattered evenly, the same in every run
        line = place - 1 if fate < _REPEATED and place > start else place
        yield _row(line, changed and place % 2 == 1, fate)


def _row(place: int, changed: bool, fate: int) -> str:  # noqa: FBT001 - a row's own column
    number = place * 7_368_787 % 100_000_000  # scattered over the range, each once: the factor is prime to it
    country = place % len(_COUNTRIES)
    code, head, digits = _COUNTRIES[country]
    local = f"{head}{number:0{digits}d}"
    forms = (f"+{code}{local}", f"00{code}{local}", f"+{code} {local[:2]}-{local[2:]}", f"0{local}")
    phone = forms[place // 5 % (4 if code == "972" else 3)]
    first, last = _NAMES[country][0][place // 7 % 5], _NAMES[country][1][place // 3 % 5]
    email = f"user.{number:x}{place % 89}@{_DOMAINS[place % 11 % len(_DOMAINS)]}"
    if _REPEATED <= fate < _REPEATED + _BAD_PHONE:
        phone = "unknown"
    elif _REPEATED + _BAD_PHONE <= fate < _REPEATED + _BAD_PHONE + _NO_KEY:
        phone = email = ""
    tier = _TIERS[(place + changed) % len(_TIERS)]
    balance = f"{(number + 137 * changed) % 100_000 / 100:.2f}"
    birthday = f"{1950 + place % 55}-{1 + place % 12:02d}-{1 + place % 28:02d}"
    return f"{phone},{email},{first},{last},{_CITIES[place % 10]},{tier},ref-{place},{balance},{birthday}\n"


def write_file(path: Path, count: int, *, changed: bool = False, start: int = 0) -> None:
    """Write a CSV file of `count` rows under HEADER."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        file.writelines(rows(count, changed=changed, start=start))

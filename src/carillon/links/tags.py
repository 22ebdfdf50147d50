"""The tags of a landing page's template: what they may not have, since the engine's fuel doesn't count it. Pure.

A text or a list times a number is made, and looked through, by one instruction of the engine; and `autoescape` has
values put in as they are. The tags are told from the text around them as the engine tells them.
"""

import re
from typing import Final

MULTIPLICATION: Final = "A page multiplies nothing: its tags have no *."
AUTOESCAPE: Final = "A page has its values escaped: it has no autoescape."

_BLANKS = r"[ \t\n\r\f]*"
_START = re.compile(r"\{[{%#]")
_RAW = re.compile(rf"\{{%[-+]?{_BLANKS}raw{_BLANKS}[-+]?%\}}")
_END_OF_RAW = re.compile(rf"\{{%[-+]?{_BLANKS}endraw{_BLANKS}[-+]?%\}}")
_AUTOESCAPE = re.compile(rf"\{{%[-+]?{_BLANKS}(?:end)?autoescape\b")
_IN_A_TAG = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[()\[\]{}*%'"]""", re.DOTALL)
_ENDS = {"{{": "}}", "{%": "%}"}
_DEPTHS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def refusal_of(template: str) -> str | None:
    """Say why a template's tags are refused; None where they are not. What the engine can't read is its own to say."""
    place: int | None = 0
    while place is not None:
        found = _START.search(template, place)
        if found is None:
            return None
        if _AUTOESCAPE.match(template, found.start()):
            return AUTOESCAPE
        if _RAW.match(template, found.start()):
            place = _end_of_raw(template, found.end())
        elif found[0] == "{#":
            place = _end_of_comment(template, found.end())
        else:
            place, multiplies = _end_of_tag(template, found.end(), _ENDS[found[0]])
            if multiplies:
                return MULTIPLICATION
    return None


def _end_of_raw(template: str, place: int) -> int | None:
    end = _END_OF_RAW.search(template, place)
    return end.end() if end else None


def _end_of_comment(template: str, place: int) -> int | None:
    end = template.find("#}", place)
    return end + 2 if end >= 0 else None


def _end_of_tag(template: str, place: int, end: str) -> tuple[int | None, bool]:
    """Return where a tag ends, and whether it multiplies. Its end is none within brackets, and none within a text."""
    depth = 0
    for found in _IN_A_TAG.finditer(template, place):
        if not depth and template.startswith(end, found.start()):
            return found.end() + 1, False
        if found[0] == "*":
            return None, True
        depth += _DEPTHS.get(found[0], 0)
    return None, False

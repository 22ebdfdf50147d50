"""Regular expressions that an operator writes, in a subset whose time is bounded whatever text they search.

Python's engine tries again with less wherever a repetition can give something back, which takes exponential time for
some expressions. Here a repetition is of one character's kind, ends after 256 of them, and gives nothing back (it is
possessive), so that a search costs at most the text's length times the expression's.
"""

import re

_LONGEST_TEXT = 4_096
_LONGEST_PATTERN = 200
_LONGEST_REPETITION = 256

_CLASS_MEMBER = r"(?:\\[dwsDWS\\\]\[^.-]|[^\\\[\]])"
_ATOM = re.compile(rf"\\[dwsDWSntr]|\\[^\w\s]|\[\^?{_CLASS_MEMBER}+\]|[^\\\[\](){{}}*+?|^$]")
_REPETITION = re.compile(r"[*+?]|\{(\d{1,3})(?:(,)(\d{1,3})?)?\}")


class PatternError(ValueError):
    """The expression isn't one of the subset; the message says what is wrong."""


class BoundedPattern:
    r"""An expression with one group, which is what is looked for.

    It is of characters, `.`, classes like `[0-9a-f]`, `\d`, `\w`, `\s`, repetitions of one of these, `^` at its start
    and `$` at its end. Each repetition takes all that it can and gives nothing back: `.*id` finds nothing.
    """

    def __init__(self, text: str) -> None:
        """Read an expression. Raises PatternError."""
        if len(text) > _LONGEST_PATTERN:
            raise PatternError(f"is longer than {_LONGEST_PATTERN} characters")
        self._compiled = re.compile(_translate(text), re.ASCII | re.DOTALL)

    def find(self, text: str) -> str | None:
        """Return what the group has at the first place that fits, within the first 4,096 characters."""
        found = self._compiled.search(text[:_LONGEST_TEXT])
        return None if found is None else found[1]


def _translate(text: str) -> str:
    parts: list[str] = []
    groups, is_open, at = 0, False, 0
    while at < len(text):
        mark = text[at]
        if mark == "(" and not groups:
            groups, is_open = 1, True
        elif mark == ")" and is_open:
            is_open = False
        elif not (mark == "^" and at == 0) and not (mark == "$" and at == len(text) - 1):
            mark = _repeated_atom(text, at)
        parts.append(mark if len(mark) > 1 or mark != "$" else r"\Z")
        at += len(mark)
    if not groups or is_open:
        raise PatternError("has to have one group in parentheses")
    try:
        re.compile("".join(parts))
    except re.error:
        raise PatternError("can't be read") from None
    return "".join(_possessive(part) for part in parts)


def _repeated_atom(text: str, at: int) -> str:
    """Cut out one atom with its repetition."""
    atom = _ATOM.match(text, at)
    if atom is None:
        raise PatternError(f"has something at character {at + 1} that is not allowed")
    repetition = _REPETITION.match(text, atom.end())
    if repetition is None:
        return atom[0]
    if any(int(bound) > _LONGEST_REPETITION for bound in repetition.group(1, 3) if bound):
        raise PatternError(f"repeats something more than {_LONGEST_REPETITION} times")
    return atom[0] + repetition[0]


def _possessive(part: str) -> str:
    """Bound an atom's repetition, and have it give nothing back."""
    atom = _ATOM.match(part)
    if atom is None or atom.end() == len(part):
        return part
    repetition = part[atom.end() :]
    bounds = {"*": f"{{0,{_LONGEST_REPETITION}}}", "+": f"{{1,{_LONGEST_REPETITION}}}", "?": "{0,1}"}.get(repetition)
    if bounds is None:
        bounds = repetition.replace(",}", f",{_LONGEST_REPETITION}}}")
    return f"{atom[0]}{bounds}+"

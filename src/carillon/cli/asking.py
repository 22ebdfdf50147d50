"""What commands ask a person before they do something: on a terminal, or beforehand by --yes."""

import sys
from collections.abc import Callable
from typing import Any

import click


def yes_option(sentence: str) -> Callable[[Any], Any]:
    """Ask for the consent beforehand, as `yes`."""
    return click.option("--yes", is_flag=True, help=sentence)


def can_ask() -> bool:
    """Tell whether a question would reach a person: standard input is a terminal."""
    return sys.stdin.isatty()

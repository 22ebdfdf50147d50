"""A group of commands that imports a command only when it is called, so that the rest starts at once."""

import importlib
import os
import select
import sys
from collections.abc import Mapping
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from carillon.cli.visible import harmless
from carillon.errors import CarillonError, InvalidInputError

# What a shell gives for a program that a broken pipe has ended: 128 and the number of SIGPIPE.
_BROKEN_PIPE = 141


class LazyGroup(click.Group):
    """Knows its commands by name: `module:attribute`, and the sentence that the list of commands shows.

    It is also where a domain error becomes one line on standard error and exit code 1.
    """

    def __init__(self, *, name: str, help: str, commands_by_name: Mapping[str, tuple[str, str]]) -> None:  # noqa: A002 - click's name
        super().__init__(name=name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._commands_by_name = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order in which they were given."""
        del ctx
        return list(self._commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in self._commands_by_name:
            return None
        module, _, attribute = self._commands_by_name[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in self._commands_by_name.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without importing any."""
        named = [
            CompletionItem(name, help=sentence)
            for name, (_, sentence) in self._commands_by_name.items()
            if name.startswith(incomplete)
        ]
        return named or click.Command.shell_complete(self, ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse bytes that are no text here: no database and no report could hold them."""
        for given in args:
            if given != (readable := given.encode(errors="replace").decode()):
                raise click.UsageError(f"“{readable}” has bytes that are not text in this encoding.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a refusal is one line, and a reader that closes the pipe ends it silently."""
        # Loaded by every command that can raise it, so not at the top: `--help` needs none of it.
        from carillon.db.embedded_account import EmbeddedError  # noqa: PLC0415 - as said above

        try:
            return super().invoke(ctx)
        except InvalidInputError as error:
            if error.field == "output" and _reader_is_gone():
                _end_quietly()
            raise click.ClickException(harmless(f"{error.field}: {error.message}")) from error
        except CarillonError as error:
            raise click.ClickException(harmless(error.message)) from error
        except EmbeddedError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            _end_quietly()
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or str(error) or type(error).__name__}") from error


def _reader_is_gone() -> bool:
    """Tell whether standard output is a pipe without a reader."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except OSError:  # it is no file of the system's
        return False


def _end_quietly() -> NoReturn:
    # What still waits to be written would fail once more when Python flushes it at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(_BROKEN_PIPE)

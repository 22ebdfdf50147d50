"""A group that is also a command: `carillon import FILE` beside `carillon import list`."""

from typing import Any

import click
from click.shell_completion import CompletionItem


class WithDefault(click.Group):
    """A group whose first argument is the name of a command, or else an argument of its default command."""

    def __init__(self, default: click.Command) -> None:
        super().__init__(name=default.name, help=default.help)
        self._default = default

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Make the context of the default command, unless another one is named, or help is asked for."""
        if not args or args[0] in self.commands or args[0] in {"-h", "--help"}:
            return super().make_context(info_name, args, parent, **extra)
        return self._default.make_context(info_name, args, parent, **extra)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the default command's flags, and beside the names of the others what its first argument may be."""
        own = self._default.make_context(ctx.info_name, [], ctx.parent, resilient_parsing=True)
        if incomplete.startswith("-"):
            return self._default.shell_complete(own, incomplete)
        first = next((one for one in self._default.params if isinstance(one, click.Argument)), None)
        values = [] if first is None else first.shell_complete(own, incomplete)
        return [*super().shell_complete(ctx, incomplete), *values]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the default command's help, and the list of the others."""
        own = click.Context(self._default, ctx.parent, info_name=ctx.info_name, help_option_names=ctx.help_option_names)
        self._default.format_help(own, formatter)
        self.format_commands(ctx, formatter)

"""`carillon completion`."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print what makes a SHELL complete the commands.

    For example, for the shell that runs, and for every bash or fish from now on:

        eval "$(carillon completion bash)"

        carillon completion bash > ~/.local/share/bash-completion/completions/carillon

        carillon completion fish > ~/.config/fish/completions/carillon.fish
    """
    program = click.get_current_context().find_root().command
    click.echo(_SHELLS[shell](program, {}, "carillon", "_CARILLON_COMPLETE").source())

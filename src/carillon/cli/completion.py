"""`carillon completion`."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

# Click lets Bash look for files only where nothing else is offered; `carillon import` takes one beside its commands.
_FILES = """COMPREPLY=()
            compopt -o default"""
_FILES_TOO = """COMPREPLY+=($(compgen -f -- "$2"))
            compopt -o filenames"""


class _Bash(BashComplete):
    source_template = BashComplete.source_template.replace(_FILES, _FILES_TOO)


_SHELLS = {"bash": _Bash, "zsh": ZshComplete, "fish": FishComplete}


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

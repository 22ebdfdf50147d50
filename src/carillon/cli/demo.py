"""The demo account: what the first `carillon serve` on an empty folder makes, so that a newcomer's first call works."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from carillon.cli.session import operator
from carillon.db.database import Tx
from carillon.dialects.registry import DIALECTS
from carillon.errors import InvalidInputError
from carillon.runtime import Runtime
from carillon.tenancy.accounts import (
    CreateAccount,
    ListAccounts,
    OpenAccount,
    create_account,
    list_accounts,
    open_account,
)
from carillon.tenancy.credentials import CreateCredential, create_credential
from carillon.tenancy.secrets import SecretBox

_COUNTRY = "IL"


def demo_file(runtime: Runtime) -> Path:
    """Tell where the demo account's credentials are kept, as shell variables."""
    return runtime.settings.data_dir / "demo.env"


async def make_demo(runtime: Runtime) -> None:
    """Make the demo account, with a credential for each dialect, where there is no account at all.

    The credentials are in `demo_file`, readable by its owner only: their secrets can't be shown again. So they are
    written, under another name, before the account is committed; where a process has died right after that, the next
    one gives the file its name.
    """
    file = demo_file(runtime)
    draft = file.with_name("demo.env.part")
    made = await runtime.db.run(_make_demo, runtime.secret_box, draft)
    if made or not file.exists():
        with contextlib.suppress(FileNotFoundError):  # there never was one, or another process was quicker
            draft.replace(file)


async def _make_demo(tx: Tx, box: SecretBox, draft: Path) -> bool:
    if (await list_accounts(tx, operator(), ListAccounts(limit=1))).items:
        return False
    made = await create_account(tx, operator(), CreateAccount(name="Demo", country=_COUNTRY, sandbox=True))
    actor = await open_account(tx, operator(), OpenAccount(account_id=made.account.account_id))
    variables: dict[str, str] = {}
    for dialect in DIALECTS:
        command = CreateCredential(dialect=dialect.name, key_format=dialect.credential_format)
        credential = await create_credential(tx, actor, command, box)
        variables |= {f"{dialect.name}_{part}".upper(): value for part, value in credential.parts.items()}
    try:
        _write(draft, variables)
    except OSError as error:  # inside of a transaction it would pass for a failure of the database
        raise InvalidInputError("data_dir", f"{draft} can't be written: {error.strerror}.") from error
    return True


def _write(path: Path, variables: Mapping[str, str]) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
        file.flush()
        os.fsync(file.fileno())


def welcome(runtime: Runtime, url: str) -> Iterator[str]:
    """Return the lines that the started server prints."""
    yield f"Carillon serves on {url}  (Ctrl-C stops it)"
    file = demo_file(runtime)
    if not file.exists():
        yield "A key for a client: carillon credential create --account 1 --dialect inforu"
        return
    yield "The demo account's messages go to simulated phones. What they get is shown here, where this is a terminal."
    yield f"The demo account's credentials are in {file}. Paste these lines into another terminal:"
    yield ""
    yield f"set -a; . {file.resolve()}; set +a"
    for dialect in DIALECTS:
        yield from dialect.first_calls(url)
    yield ""

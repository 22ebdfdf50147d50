"""Under which account the embedded PostgreSQL server runs. Linux only.

PostgreSQL refuses uid 0, so a Carillon started by root runs it under another account, or, where no other account
can reach the files (a clone in root's home), a user namespace in which root's files belong to an ordinary
user. The owner of an existing cluster decides first; `tests/integration/test_embedded.py` shows each way.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The first that exists and can reach the files. `nobody` is last: other services may run under it too.
ACCOUNT_NAMES = ("carillon", "postgres", "nobody")
# Nothing of the caller's environment (PGHOST, TZ, LC_ALL, PGOPTIONS …) may change how the server runs.
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedError(Exception):
    """The embedded server cannot do its work; the text says why and what to do next."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: `uid` and `gid` own its files; `prefix` starts the command line."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def run(
        self, command: Sequence[str | Path], *, output: int = subprocess.PIPE, keep: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, in a session of its own, so that a terminal's Ctrl-C misses it.

        `output` takes both standard streams; the descriptors in `keep` stay open in the command.
        """
        switch = os.geteuid() == 0 and self.uid != 0
        return subprocess.run(  # noqa: S603 - our own binaries and arguments, no shell
            [*self.prefix, *command],
            check=False,
            cwd="/",
            env=CLEAN_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=keep,
            start_new_session=True,
            umask=0o077,
            user=self.uid if switch else None,
            group=self.gid if switch else None,
            extra_groups=[] if switch else None,
        )

    def reaches(self, data_dir: Path, postgres: Path) -> bool:
        """Whether this account can enter the folder and run the binary: asked of the kernel, not guessed."""
        probe = 'cd -- "$1" && exec "$2" --version'
        return self.run(["/bin/sh", "-c", probe, "sh", data_dir, postgres]).returncode == 0

    def take(self, path: Path) -> None:
        """Make this account the owner of the folder and all below it. Only root can change that."""
        if os.geteuid() != 0 or path.lstat().st_uid == self.uid:
            return
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)
        # The folder itself goes last: it is what tells the next start that all is done.
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(data_dir: Path, cluster: Path, postgres: Path, *, fresh: bool) -> Account:
    """Choose who will run the server of `cluster`, which need not exist yet.

    `fresh` says that we have just made `data_dir` ourselves and may open it to the account's group.
    Raises EmbeddedError where nobody can run it.
    """
    owned = (cluster if cluster.exists() else data_dir).stat()
    if os.geteuid() != 0:
        if owned.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{cluster} belongs to uid {owned.st_uid}, and you are uid {os.geteuid()}: run this as its "
                "owner (or as root), choose another --data-dir, or use --database-url."
            )
        return Account(os.geteuid(), os.getegid())
    for account in _candidates(owned, settled=cluster.exists()):
        with suppress(OSError, subprocess.SubprocessError):  # a container may have few accounts, and forbid chown
            if fresh and owned.st_uid == 0:
                _let_through(data_dir, account)
            if account.reaches(data_dir, postgres):
                return account
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and no other account can reach both {data_dir} and "
        f"{postgres.parent}. Move --data-dir to a place that others can enter (/var/lib/carillon), run "
        "Carillon as an ordinary user, or use --database-url."
    )


def _candidates(owned: os.stat_result, *, settled: bool) -> Iterator[Account]:
    """In order of preference. A settled cluster stays with its owner as long as that works."""
    if owned.st_uid != 0:
        yield Account(owned.st_uid, owned.st_gid)
    if settled:
        yield from _namespace()
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        yield Account(entry.pw_uid, entry.pw_gid)
    if not settled:
        yield from _namespace()


def _namespace() -> Iterator[Account]:
    """Root under another name: inside, its files belong to uid 1000, and it has no privilege left."""
    unshare = shutil.which("unshare", path=CLEAN_ENVIRONMENT["PATH"])
    if unshare:
        yield Account(0, 0, (unshare, "--user", "--map-user=1000", "--map-group=1000", "--"))


def _let_through(data_dir: Path, account: Account) -> None:
    """Let the account's group pass through the folder (not list it); everyone else stays out."""
    os.chown(data_dir, 0, account.gid, follow_symlinks=False)
    data_dir.chmod(0o710 if account.uid else 0o700)

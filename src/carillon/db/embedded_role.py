"""Whom the embedded PostgreSQL server knows: an application's role that owns its database, and an administrator.

Carillon connects as ROLE, which is no superuser: a statement that shouldn't have been sent reads no file of the machine
and runs no program. ADMINISTRATOR makes and repairs the cluster. Up to version 0.1 the cluster's superuser was
ROLE itself; the first start of a later version gives that one another name, and everything to a role of the old one.
"""

import os
import subprocess
from pathlib import Path

from carillon.db.embedded_account import CLEAN_ENVIRONMENT, EmbeddedError

ROLE = DATABASE = "carillon"
ADMINISTRATOR = "carillon_admin"
CREATION = f"CREATE ROLE {ROLE} LOGIN;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
"""What makes them in a new cluster, a statement a line."""

_SETTLED = "carillon.role"
"""The file in the cluster that says that there is nothing to change."""
# The superuser of a session can't be renamed in it.
_HELPER = "carillon_upgrade"
_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_MAKE_HELPER = (
    f"SELECT 'CREATE ROLE {_HELPER} SUPERUSER LOGIN'"  # noqa: S608 - names of ours, here and below
    f" WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_HELPER}') \\gexec\n"
)
# Not REASSIGN OWNED: a cluster's first superuser owns what the system needs, too. Extensions stay the administrator's.
_GIVE_AWAY = f"""
BEGIN;
SET LOCAL lock_timeout = '60s';
ALTER ROLE {ROLE} RENAME TO {ADMINISTRATOR};
CREATE ROLE {ROLE} LOGIN;
ALTER DATABASE {DATABASE} OWNER TO {ROLE};
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), given AS (
    SELECT 1 AS place, 'SCHEMA' AS kind, oid::regnamespace::text AS name, oid, 'pg_namespace'::regclass AS class
    FROM pg_namespace
    WHERE oid IN (SELECT oid FROM ours) AND nspowner = '{ADMINISTRATOR}'::regrole
    UNION ALL
    SELECT 2, 'TABLE', c.oid::regclass::text, c.oid, 'pg_class'::regclass
    FROM pg_class c
    WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relowner = '{ADMINISTRATOR}'::regrole
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT (c.relkind = 'S' AND EXISTS (
          SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
    UNION ALL
    SELECT 3, 'ROUTINE', p.oid::regprocedure::text, p.oid, 'pg_proc'::regclass
    FROM pg_proc p
    WHERE p.pronamespace IN (SELECT oid FROM ours) AND p.proowner = '{ADMINISTRATOR}'::regrole
    UNION ALL
    SELECT 4, 'TYPE', t.oid::regtype::text, t.oid, 'pg_type'::regclass
    FROM pg_type t
    WHERE t.typnamespace IN (SELECT oid FROM ours) AND t.typowner = '{ADMINISTRATOR}'::regrole
      AND t.typtype IN ('d', 'e', 'r')
)
SELECT format('ALTER %s %s OWNER TO {ROLE}', g.kind, g.name)
FROM given g
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = g.class AND d.objid = g.oid AND d.deptype = 'e')
ORDER BY g.place \\gexec
COMMIT;
"""  # noqa: S608


def mark_settled(cluster: Path) -> None:
    """Remember that a cluster's application has a role of its own that is no superuser."""
    path, owner = cluster / _SETTLED, cluster.stat()
    path.touch(0o600)
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def settle_roles(cluster: Path, socket_dir: Path, psql: Path) -> None:
    """Give what a cluster of an earlier version holds to a role that is no superuser, once; its server runs.

    All of it or nothing is done, and a process of the earlier version that runs meanwhile goes on. Raises
    EmbeddedError.
    """
    if (cluster / _SETTLED).exists():
        return
    if _run(psql, socket_dir, ROLE, _IS_SUPERUSER).strip() == "t":
        _run(psql, socket_dir, ROLE, _MAKE_HELPER)
        _run(psql, socket_dir, _HELPER, _GIVE_AWAY)
    _run(psql, socket_dir, ADMINISTRATOR, f"DROP ROLE IF EXISTS {_HELPER}")
    mark_settled(cluster)


def _run(psql: Path, socket_dir: Path, role: str, statements: str) -> str:
    target = ("-h", str(socket_dir), "-p", "5432", "-U", role, "-d", DATABASE)
    ended = subprocess.run(  # noqa: S603 - our own binary, no shell
        [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", *target],
        input=statements,
        env=CLEAN_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise EmbeddedError(
            f"The roles of the embedded PostgreSQL can't be set up: {ended.stderr.strip()}. Stop all other processes "
            "that use its folder, and start again."
        )
    return ended.stdout

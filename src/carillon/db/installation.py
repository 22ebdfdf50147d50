"""Where an installation is looked for, and what is said where there is none; it needs no driver of the database."""

from carillon.db.embedded import has_cluster
from carillon.errors import SchemaMismatchError
from carillon.settings import Settings


def require_cluster(settings: Settings) -> None:
    """Raise SchemaMismatchError where the folder has no embedded database, whether it runs or not."""
    if not has_cluster(settings.data_dir):
        raise no_installation(f"in the folder {settings.data_dir.absolute()}")


def no_installation(where: str) -> SchemaMismatchError:
    """Say where there is none, and how to name another."""
    return SchemaMismatchError(
        f"There is no Carillon {where}. Name another with --data-dir or --database-url (or CARILLON_DATA_DIR, "
        "CARILLON_DATABASE_URL), or make one: carillon serve, or carillon db create."
    )

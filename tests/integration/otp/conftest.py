from pathlib import Path

import pytest
from tests.integration.otp.passwords import Passwords
from tests.support import Tenant

from carillon.db.database import Database, Tx


@pytest.fixture
async def passwords(db: Database, account: Tenant, tmp_path: Path) -> Passwords:
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    return Passwords(db, account.actor, tmp_path)

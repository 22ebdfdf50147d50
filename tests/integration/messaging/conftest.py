import pytest
from tests.integration.messaging.sandbox import Sandbox
from tests.support import Tenant

from carillon.db.database import Database, Tx


@pytest.fixture
async def sandbox(db: Database, account: Tenant) -> Sandbox:
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    return Sandbox(db, account.actor)

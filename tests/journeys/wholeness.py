"""What must hold in the database whatever was killed and whoever raced: queries that find what is wrong."""

import asyncio

import asyncpg

UNSUBSCRIBED_BY_ITS_LIST = "a contact that is unsubscribed without a suppression"
_SUPPRESSIONS = """
        FROM contact c
        LEFT JOIN suppression s ON s.account_id = c.account_id AND s.channel = 'sms' AND s.address = c.phone
        LEFT JOIN suppression e ON e.account_id = c.account_id AND e.channel = 'email' AND e.address = c.email"""

# Each gives a row for everything that is wrong, so an empty answer is a whole database.
QUERIES = {
    "two contacts with one address": """
        SELECT account_id, audience_id, key FROM (
            SELECT account_id, audience_id, 'phone ' || phone AS key FROM contact WHERE phone IS NOT NULL
            UNION ALL
            SELECT account_id, audience_id, 'email ' || email FROM contact WHERE email IS NOT NULL
            UNION ALL
            SELECT account_id, audience_id, 'id ' || external_id FROM contact WHERE external_id IS NOT NULL
        ) k GROUP BY account_id, audience_id, key HAVING count(*) > 1""",
    "a group whose counters differ from a recount": """
        SELECT g.group_id, g.name, g.members, g.reachable, g.reachable_sms, g.reachable_email,
               n.members AS counted, n.reachable AS counted_reachable, n.sms AS counted_sms, n.email AS counted_email
        FROM contact_group g
        CROSS JOIN LATERAL (
            SELECT count(*) AS members,
                   count(*) FILTER (WHERE c.sms_status = 1 OR c.email_status = 1 OR d.android OR d.ios) AS reachable,
                   count(*) FILTER (WHERE c.sms_status = 1) AS sms, count(*) FILTER (WHERE c.email_status = 1) AS email,
                   count(*) FILTER (WHERE d.android) AS android, count(*) FILTER (WHERE d.ios) AS ios
            FROM membership m
            JOIN contact c ON c.account_id = m.account_id AND c.contact_id = m.contact_id AND c.archived_at IS NULL
            LEFT JOIN (
                SELECT account_id, contact_id,
                       bool_or(platform = 'android') AS android, bool_or(platform = 'ios') AS ios
                FROM device GROUP BY account_id, contact_id
            ) d ON d.account_id = c.account_id AND d.contact_id = c.contact_id
            WHERE m.account_id = g.account_id AND m.group_id = g.group_id
        ) n
        WHERE (g.members, g.reachable, g.reachable_sms, g.reachable_email, g.reachable_android, g.reachable_ios)
              <> (n.members, n.reachable, n.sms, n.email, n.android, n.ios)""",
    "a contact whose status differs from its addresses and their suppressions": f"""
        SELECT c.contact_id, c.sms_status, c.email_status {_SUPPRESSIONS}
        WHERE (c.sms_status IN (0, 6, 7)) <> (c.phone IS NULL) OR (c.email_status IN (0, 6, 7)) <> (c.email IS NULL)
           OR s.address IS NOT NULL AND c.sms_status < 3 OR s.address IS NULL AND c.sms_status IN (4, 5)
           OR e.address IS NOT NULL AND c.email_status < 3 OR e.address IS NULL AND c.email_status IN (4, 5)""",
    UNSUBSCRIBED_BY_ITS_LIST: f"""
        SELECT c.contact_id, c.sms_status, c.email_status {_SUPPRESSIONS}
        WHERE s.address IS NULL AND c.sms_status > 1 OR e.address IS NULL AND c.email_status > 1""",
    "an address whose last entry in the ledger differs from its suppression": """
        SELECT l.channel, l.address, l.action
        FROM (SELECT DISTINCT ON (account_id, channel, address) account_id, channel, address, action
              FROM suppression_entry ORDER BY account_id, channel, address, entry_id DESC) l
        FULL JOIN suppression s USING (account_id, channel, address)
        WHERE (l.action = 'unsubscribe') IS DISTINCT FROM (s.suppression_id IS NOT NULL)""",
    "a membership, device or form token of nobody": """
        SELECT m.group_id, m.contact_id FROM membership m
        WHERE NOT EXISTS (SELECT FROM contact c WHERE c.account_id = m.account_id AND c.contact_id = m.contact_id)
           -- Account 0 has the planner's sample rows, and no groups.
           OR m.account_id > 0
              AND NOT EXISTS (SELECT FROM contact_group g WHERE g.account_id = m.account_id AND g.group_id = m.group_id)
        UNION ALL
        SELECT d.audience_id, d.contact_id FROM device d
        WHERE NOT EXISTS (SELECT FROM contact c WHERE c.account_id = d.account_id AND c.contact_id = d.contact_id)
        UNION ALL
        SELECT t.audience_id, t.contact_id FROM form_token t
        WHERE NOT EXISTS (SELECT FROM contact c WHERE c.account_id = t.account_id AND c.contact_id = t.contact_id)""",
    "an upload whose report does not add up": """
        SELECT import_id, state, rows FROM contact_import
        WHERE state = 'done' AND (payload IS NOT NULL OR rows <> rows_new + rows_updated + rows_unchanged + rows_failed)
           OR state IN ('pending', 'running') AND payload IS NULL""",
}


async def all_processed(connection: asyncpg.Connection) -> None:
    """Wait until no upload is left to do; those whose acknowledgement was lost are processed all the same."""
    unfinished = "SELECT count(*) FROM contact_import WHERE state IN ('pending', 'running')"
    while await connection.fetchval(unfinished):  # noqa: ASYNC110 - another process's work tells nobody when it ends
        await asyncio.sleep(0.05)
    assert await connection.fetchval("SELECT count(*) FROM contact_import WHERE state = 'failed'") == 0


async def whats_wrong(connection: asyncpg.Connection, *, allowed: str = "") -> dict[str, list[str]]:
    """Ask all of it but what is allowed, and give what isn't whole."""
    answers = {name: await connection.fetch(query) for name, query in QUERIES.items() if name != allowed}
    return {name: [str(dict(row)) for row in rows[:10]] for name, rows in answers.items() if rows}

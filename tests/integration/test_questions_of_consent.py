"""Whatever a column of yes and no is called that says who may be written to, nobody is subscribed by leaving it out."""
# ruff: noqa: RUF001 - other scripts are meant

import json
from pathlib import Path

import pytest
from tests.integration.test_consent_files import bring, statuses
from tests.support import Tenant

from carillon.db.database import Database
from carillon.errors import InvalidInputError

NAMES = [
    *("Do you agree to receive messages?", "May we contact you with offers?", "Can we text you?", "Contactable by SMS"),
    *("sms_agree", "agreed to marketing", "is_marketable", "can_send", "Marketing yes/no", "subs", "Kontakt erlaubt"),
    *("Ich möchte Angebote erhalten", "Deseo recibir información", "Acepto", "Desidero ricevere offerte"),
    *("Можно писать", "Θέλω να λαμβάνω ενημερώσεις", "האם לשלוח"),
    *("Not for marketing", "Do not use", "Ohne Werbung", "Kein SMS", "Refuses SMS", "Replied STOP"),
    *("Erasure requested", "Against marketing", "להסיר"),
]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_nobody_is_imported_before_it_is_said_what_the_column_is(
    db: Database, account: Tenant, tmp_path: Path, form: str
) -> None:
    for name in NAMES:
        lines = [f"phone;{name}", "972541110001;yes", "972541110002;no"]
        if form == "ndjson":
            lines = [json.dumps({"phone": f"97254111000{row}", name: row == 1}) for row in (1, 2)]
        with pytest.raises(InvalidInputError, match="--map") as refused:
            await bring(db, account, tmp_path / f"people.{form}", lines)
        assert f"“{name}”" in refused.value.message
    assert await statuses(db, account) == {}


async def test_what_the_message_proposes_reads_the_column(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = ["phone;Can we text you?;Ohne Werbung", "972541110001;no;no", "972541110002;yes;yes", "972541110003;yes;no"]
    mapping = {"Can we text you?": "sms_subscribed", "Ohne Werbung": "sms_unsubscribed"}
    await bring(db, account, tmp_path / "people.csv", lines, mapping=mapping)
    assert {phone: sms for phone, (sms, _) in (await statuses(db, account)).items()} == {
        "972541110001": "unsubscribed",
        "972541110002": "unsubscribed",
        "972541110003": "subscribed",
    }


async def test_ordinary_columns_of_yes_and_no_are_imported_as_before(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [
        "phone;VIP;Has email;Smoker;יש ילדים;Raucher",
        "972541110001;yes;no;no;לא;ja",
        "972541110002;no;no;yes;כן;nein",
    ]
    summary = await bring(db, account, tmp_path / "people.csv", lines)
    assert (summary.new, len(summary.unmapped_columns)) == (2, 5)


@pytest.mark.parametrize("name", ["D\ufffdsabonn\ufffd", "????? ??????", "D?sabonn?", "??? ????"])
async def test_a_column_of_answers_whose_name_has_lost_its_letters_stops(
    db: Database, account: Tenant, tmp_path: Path, name: str
) -> None:
    lines = [f"phone;{name}", "972541110001;oui", "972541110002;non"]
    with pytest.raises(InvalidInputError, match=r"lost.*--map"):
        await bring(db, account, tmp_path / "people.csv", lines)
    assert (await bring(db, account, tmp_path / "people.csv", lines, mapping={name: "-"})).new == 2

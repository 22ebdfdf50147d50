"""Apifon's lists of blocked destinations and of subscribers make nobody reachable who is not."""

from pathlib import Path

import pytest
from tests.integration.test_consent_files import blocks, bring, statuses
from tests.support import Tenant

from carillon.audience.imports.column_names import plan_columns
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.db.database import Database
from carillon.errors import InvalidInputError

BLOCKED = [
    "destination,reason,description,created",
    "972541110001,sub_requested,Asked by phone,1475151536",
    "972541110002,other,,1475151536",
    "972541110003,not_delivering,,1475151536",
    "972541110004,sub_deleted,,1475151536",
    "972541110005,sub_invalid,,1475151536",
]
PHONES = [f"97254111000{number}" for number in range(1, 6)]


@pytest.mark.parametrize("rows", [BLOCKED[1:], BLOCKED[2:3], []], ids=["all reasons", "other alone", "no rows"])
async def test_a_list_of_blocked_destinations_is_no_file_of_contacts(
    db: Database, account: Tenant, tmp_path: Path, rows: list[str]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await bring(db, account, tmp_path / "blocked.csv", [BLOCKED[0], *rows])
    assert refused.value.field == "map"
    assert "carillon suppression import" in refused.value.message
    for wanted in ("status", "-"):
        assert f'--map "reason={wanted}"' in refused.value.message
    assert await statuses(db, account) == {}


async def test_a_list_of_blocked_destinations_blocks_whom_it_names_when_it_is_mapped(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    summary = await bring(db, account, tmp_path / "blocked.csv", BLOCKED, mapping={"reason": "status"})
    assert (summary.new, summary.error_count) == (5, 0)
    assert {phone: sms for phone, (sms, _) in (await statuses(db, account)).items()} == dict.fromkeys(
        PHONES, "unsubscribed"
    )
    assert [address for _, address, _ in await blocks(db, account)] == PHONES


async def test_a_list_of_blocked_destinations_is_suppressed_without_contacts(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "blocked.csv"
    path.write_text("\n".join([*BLOCKED, "gone@mail.example,other,,1475151536", ""]))
    await import_file(db, account.actor, FileImport(path=path, suppress=True), lambda _progress: None)
    assert [address for _, address, _ in await blocks(db, account)] == [*PHONES, "gone@mail.example"]
    assert await statuses(db, account) == {}


def test_a_reason_that_is_a_field_of_the_audience_stops_a_list_of_blocked_destinations_until_it_is_said() -> None:
    header = ["Destination", "Reason", "description"]
    with pytest.raises(InvalidInputError, match="suppression import"):
        plan_columns(header, {}, ["reason"])
    assert plan_columns(header, {"reason": "fields.reason"}, ["reason"]).attributes["Reason"] == "reason"
    assert "Reason" in plan_columns(header, {"reason": "-"}).unmapped


@pytest.mark.parametrize("reason", ["not_delivering", "sub_deleted", "sub_requested", "sub_invalid"])
async def test_reasons_of_blocks_stop_a_file_of_another_header_by_its_cells(
    db: Database, account: Tenant, tmp_path: Path, reason: str
) -> None:
    lines = ["phone,why", f"972541110001,{reason}", *(f"97254111000{number},other" for number in range(2, 9))]
    with pytest.raises(InvalidInputError, match=f"such as “{reason}”"):
        await bring(db, account, tmp_path / "people.csv", lines)
    lines = ["phone,why", *(f"97254111000{number},other" for number in range(2, 9))]
    assert (await bring(db, account, tmp_path / "people.csv", lines)).new == 7


async def test_other_is_no_status_elsewhere(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = ["phone,status", "972541110001,subscribed", "972541110002,other"]
    with pytest.raises(InvalidInputError, match="“other” isn't understood"):
        await bring(db, account, tmp_path / "people.csv", lines)


async def test_the_status_of_apifons_subscribers_is_that_of_their_phones(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [
        "destination,status,email,email_status",
        "972541110001,UNSUBSCRIBED,a@mail.example,SUBSCRIBED",
        "972541110002,SUBSCRIBED,b@mail.example,UNSUBSCRIBED",
        "972541110003,UNCONFIRMED,c@mail.example,SUBSCRIBED",
    ]
    await bring(db, account, tmp_path / "subscribers.csv", lines)
    assert await statuses(db, account) == {
        "972541110001": ("unsubscribed", "subscribed"),
        "972541110002": ("subscribed", "unsubscribed"),
        "972541110003": ("unconfirmed", "subscribed"),
    }


@pytest.mark.parametrize(
    ("header", "mapping", "targets"),
    [
        (["Destination", "Status", "email_status"], {}, {"Status": "sms_status", "email_status": "email_status"}),
        (["destination", "status"], {}, {"status": "status"}),
        (["phone", "status", "email_status"], {}, {"status": "status", "email_status": "email_status"}),
        (["destination", "email", "status"], {}, {"status": "status"}),
        (["destination", "status", "email_status"], {"status": "status"}, {"status": "status"}),
        (["destination", "status", "email_status"], {"email_status": "-"}, {"status": "sms_status"}),
    ],
)
def test_a_status_is_said_of_phones_in_apifons_header_alone(
    header: list[str], mapping: dict[str, str], targets: dict[str, str]
) -> None:
    found = plan_columns(header, mapping).targets
    assert {name: target for name, target in found.items() if name in targets} == targets

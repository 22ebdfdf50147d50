"""Columns that say who may be written to are known by the names of vendors' exports, or stop the import."""

import polars as pl
import pytest

from carillon.audience.imports.column_names import plan_columns
from carillon.audience.imports.consent_columns import TARGETS, ConsentColumns, Said, read_cell
from carillon.errors import InvalidInputError

NO_MAPPING: dict[str, str] = {}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("status", "status"),  # listmonk, Mailchimp, Apifon
        ("email_status", "email_status"),  # Apifon
        ("sms_status", "sms_status"),
        ("SMS_BLACKLISTED", "sms_blocked"),  # Brevo
        ("EMAIL_BLACKLISTED", "email_blocked"),
        ("WHATSAPP_BLACKLISTED", "sms_blocked"),
        ("UNSUB_TIME", "email_unsubscribed"),  # Mailchimp
        ("CLEAN_TIME", "email_blocked"),
        ("doNotContact", "blocked"),  # Mautic
        ("Do Not Contact", "blocked"),
        ("UnsubscribeDatetime", "unsubscribed"),  # InforU
        ("unsubscribedAt", "unsubscribed"),  # Devino
        ("blacklist", "blocked"),  # 360NRS
        ("Opted out", "unsubscribed"),
        ("Accepts Marketing", "subscribed"),
    ],
)
def test_the_usual_names_are_known(name: str, target: str) -> None:
    assert plan_columns(["phone", name], NO_MAPPING).targets == {name: target}


@pytest.mark.parametrize(
    "name",
    ["Unsubscribed from newsletter", "newsletter_optin_2019", "GDPR", "Consent to calls", "НеРассылать рассылку"],
)
def test_what_looks_like_consent_and_is_not_known_stops_and_says_what_to_do(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        plan_columns(["phone", name], NO_MAPPING)
    assert refused.value.field == "map"
    assert f'--map "{name}=-"' in refused.value.message
    assert f'--map "{name}=email_status"' in refused.value.message
    assert plan_columns(["phone", name], {name: "-"}).targets == {}
    for target in TARGETS:
        assert plan_columns(["phone", name], {name: target}).targets == {name: target}


@pytest.mark.parametrize(
    "name", ["OPTIN_TIME", "CONFIRM_IP", "UNSUB_REASON", "DOUBLE_OPT-IN", "subscribed_at", "Level"]
)
def test_what_only_tells_when_or_why_is_left_out(name: str) -> None:
    plan = plan_columns(["phone", name], NO_MAPPING)
    assert (plan.targets, plan.unmapped) == ({}, (name,))


def test_a_field_of_the_audience_is_no_consent() -> None:
    plan = plan_columns(["phone", "Consent form"], NO_MAPPING, ["consent_form"])
    assert plan.attributes == {"phone": "phone", "Consent form": "consent_form"}


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("status", "enabled", Said.SUBSCRIBED),  # listmonk
        ("status", "disabled", Said.UNSUBSCRIBED),
        ("status", "blocklisted", Said.BLOCKED),
        ("status", "Subscribed", Said.SUBSCRIBED),  # Mailchimp
        ("status", "cleaned", Said.BLOCKED),
        ("status", "Non-Subscribed", Said.UNSUBSCRIBED),
        ("status", "pending", Said.UNCONFIRMED),
        ("status", "UNCONFIRMED", Said.UNCONFIRMED),  # Apifon
        ("status", "", Said.NOTHING),
        ("status", "1", None),
        ("status", "customer", None),
        ("blocked", "TRUE", Said.BLOCKED),  # Brevo
        ("blocked", "0", Said.NOTHING),
        ("blocked", "2", Said.BLOCKED),  # Mautic: bounced
        ("blocked", "2023-04-05 06:07:08", Said.BLOCKED),
        ("unsubscribed", "05/04/2023 06:07", Said.UNSUBSCRIBED),
        ("unsubscribed", "no", Said.NOTHING),
        ("unsubscribed", "maybe", None),
        ("subscribed", "כן", Said.SUBSCRIBED),
        ("subscribed", "0", Said.UNSUBSCRIBED),
        ("subscribed", "1.0", Said.SUBSCRIBED),
        ("subscribed", "0.0", Said.UNSUBSCRIBED),
        ("blocked", "2.0", Said.BLOCKED),
        ("unsubscribed", "1.5", None),
    ],
)
def test_cells_mean_what_the_vendors_write(kind: str, text: str, said: Said | None) -> None:
    assert read_cell(kind, text) is said


def test_of_several_columns_the_one_that_takes_most_away_counts() -> None:
    columns = ConsentColumns({"status": "status", "SMS_BLACKLISTED": "sms_blocked", "email": "email_unsubscribed"})
    frame = pl.DataFrame(
        {
            "status": ["enabled", "disabled", None],
            "SMS_BLACKLISTED": ["true", "false", None],
            "email": [None, "no", "yes"],
        }
    )
    columns.check(frame)
    assert columns.read(frame).rows() == [
        (Said.BLOCKED, Said.SUBSCRIBED),
        (Said.UNSUBSCRIBED, Said.UNSUBSCRIBED),
        (Said.NOTHING, Said.UNSUBSCRIBED),
    ]


def test_a_cell_that_is_not_understood_stops_and_names_what_is() -> None:
    with pytest.raises(InvalidInputError, match=r"“lead”.*subscribed.*--map") as refused:
        ConsentColumns({"status": "status"}).check(pl.DataFrame({"status": ["enabled", "lead"]}))
    assert refused.value.field == "map"

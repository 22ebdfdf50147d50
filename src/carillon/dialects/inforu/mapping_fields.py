"""The field map: InforU's fields of a contact and ours.

One table for rows, contact objects, GetFields, errors and documentation.
"""

from dataclasses import dataclass
from typing import Literal

FieldType = Literal["string", "date", "gender", "int"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactField:
    """One field.

    `name` is the vendor's, `slot` the canonical name (or the contact's or the row's own attribute) behind it.
    """

    name: str
    slot: str
    type: FieldType = "string"
    caption: str
    description: str = ""
    aliases: tuple[str, ...] = ()


# Keys and addresses: attributes of the contact, not fields.
KEY_FIELDS: tuple[ContactField, ...] = (
    ContactField(
        name="ContactRefId",
        slot="external_id",
        caption="Contact Ref Id",
        description="The contact's unique id in the calling system.",
    ),
    ContactField(
        name="Email",
        slot="email",
        caption="Email",
        description="A key for the update. `delete` takes the address away from the contact.",
    ),
    ContactField(
        name="PhoneNumber",
        slot="phone",
        caption="Phone Number",
        description="A key for the update, in national or international form. `delete` takes the number away.",
        aliases=("Phone",),
    ),
)

# What a contact object shows, in its order.
SHOWN_FIELDS: tuple[ContactField, ...] = (
    ContactField(name="FirstName", slot="first_name", caption="First Name"),
    ContactField(name="LastName", slot="last_name", caption="Last Name"),
    ContactField(name="GenderId", slot="gender", type="gender", caption="Gender", description="1: male, 2: female."),
    ContactField(name="BirthDate", slot="birth_date", type="date", caption="Birth Date", description="A day."),
    ContactField(
        name="AdditionalDate", slot="additional_date", type="date", caption="Additional Date", description="A day."
    ),
    *(ContactField(name=f"Text{n}", slot=f"text{n}", caption=f"Text {n}") for n in range(1, 21)),
    *(ContactField(name=f"Number{n}", slot=f"number{n}", type="int", caption=f"Number {n}") for n in range(1, 5)),
    *(
        ContactField(name=f"Date{n}", slot=f"date{n}", type="date", caption=f"Date {n}", description="A day.")
        for n in range(1, 9)
    ),
)

CONTACT_FIELDS = KEY_FIELDS + SHOWN_FIELDS

# What a row may carry beside the contact's fields.
ROW_INSTRUCTIONS: tuple[ContactField, ...] = (
    ContactField(
        name="FirebaseToken",
        slot="device_token",
        caption="Firebase Token",
        description="Where push messages reach the contact. Without Email and PhoneNumber it needs ContactRefId.",
    ),
    ContactField(
        name="Platform",
        slot="device_platform",
        caption="Platform",
        description="ANDROID or IOS: goes with FirebaseToken.",
    ),
    ContactField(name="ChromeToken", slot="", caption="Chrome Token", description="Not in use: accepted and ignored."),
    ContactField(
        name="AddToGroupName",
        slot="add_to",
        caption="Add To Group Name",
        description="A group's name, or a list of names; a group that does not exist is created. Blank: none.",
    ),
    ContactField(
        name="RemoveFromGroupName",
        slot="remove_from",
        caption="Remove From Group Name",
        description="A group's name, or a list of names, that the contact leaves.",
    ),
    ContactField(
        name="HandleEvents",
        slot="handle_events",
        caption="Handle Events",
        description="true: automations may start for this row. Accepted and recorded.",
    ),
)

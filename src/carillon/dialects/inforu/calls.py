"""What an operation is: a line of the table in `operations`, and the call that it answers. The vendor says function."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from carillon.dialects.contract import Services
from carillon.dialects.inforu.mapping import Presenter
from carillon.errors import TooManyItemsError
from carillon.kit.actor import Actor
from carillon.tenancy.scopes import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of an authenticated caller."""

    services: Services
    actor: Actor
    show: Presenter
    remote_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An endpoint.

    Its path ends in its folder and its name. `reference` are the parameters that the reference names for it, in a body
    or under "Parameters"; `sample` is a value of `Data` that works when it is posted; `field_names` are the vendor's
    names for fields in the errors of what it calls; `notes` say what the reference leaves open, and where we differ
    from it. One that `is_flat` answers its reply as it is, without the envelope.
    """

    folder: str = "Contact"
    name: str
    title: str
    summary: str
    request: type[msgspec.Struct]
    reply: tuple[Any, ...]
    handle: Callable[[Call, Any], Awaitable[msgspec.Struct]]
    scope: Scope
    sample: Mapping[str, Any]
    reference: Sequence[str] = ()
    field_names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_flat: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it is served: with the version of the interface in the path, and without."""
        return f"/api/v2/{self.folder}/{self.name}", f"/api/{self.folder}/{self.name}"


def check_count(given: int, limit: int) -> None:
    """Refuse a list that is longer than the method's limit. Raises TooManyItemsError."""
    if given > limit:
        raise TooManyItemsError(limit=limit, given=given)

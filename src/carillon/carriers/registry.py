"""The kinds of carriers there are: one list, from which carriers are checked and made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from carillon.carriers.contract import Carrier, Inbox
from carillon.carriers.http.carrier import HttpCarrier
from carillon.carriers.http.provider import OPTIONS as HTTP_OPTIONS
from carillon.carriers.http.provider import check_http, read_provider
from carillon.carriers.http.tokens import CallbackUrls
from carillon.carriers.options import require_known
from carillon.carriers.simulator.carrier import OPTIONS as SIMULATOR_OPTIONS
from carillon.carriers.simulator.carrier import Simulator, check_simulator
from carillon.carriers.smpp.carrier import make_smpp
from carillon.carriers.smpp.options import OPTIONS as SMPP_OPTIONS
from carillon.carriers.smpp.options import check_smpp
from carillon.errors import InvalidInputError
from carillon.outbound.client import HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierConfig:
    """A carrier as it is stored, with its secret opened. `options` are texts by name."""

    carrier_id: int
    kind: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What carriers are given: where they bring what they receive, and what HTTP providers need."""

    inbox: Inbox
    outbound: HttpClient | None = None
    callbacks: CallbackUrls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of carrier.

    `options` are descriptions by name; a name that ends with `.` has others after it. `check` raises InvalidInputError
    for a URL and options that can't be used, and returns whether a secret is needed.
    """

    channels: tuple[str, ...]
    options: Mapping[str, str]
    check: Callable[[str, Mapping[str, str]], bool]
    make: Callable[[CarrierConfig, Surroundings], Carrier]


def _simulator(config: CarrierConfig, around: Surroundings) -> Carrier:
    return Simulator(config.carrier_id, config.options, around.inbox)


def _http(config: CarrierConfig, around: Surroundings) -> Carrier:
    if around.outbound is None:
        raise TypeError("An HTTP carrier needs the HTTP client.")
    provider = read_provider(config.url, config.secret or "", config.options)
    return HttpCarrier(config.carrier_id, provider, around.outbound, around.callbacks)


def _smpp(config: CarrierConfig, around: Surroundings) -> Carrier:
    return make_smpp(config.carrier_id, config.url, config.secret or "", config.options, around.inbox)


KINDS: Mapping[str, Kind] = {
    "simulator": Kind(channels=("sms", "im"), options=SIMULATOR_OPTIONS, check=check_simulator, make=_simulator),
    "smpp": Kind(channels=("sms",), options=SMPP_OPTIONS, check=check_smpp, make=_smpp),
    "http": Kind(channels=("sms", "im"), options=HTTP_OPTIONS, check=check_http, make=_http),
}
"""By name."""

_LATER = {"smtp": "Carriers of e-mail come with a later version."}


def kind_named(name: str) -> Kind:
    """Find a kind. Raises InvalidInputError with the field `kind`."""
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInputError("kind", _LATER.get(name) or f"The kinds of carriers are {', '.join(KINDS)}.")
    return kind


def check_carrier(config: CarrierConfig, channel: str) -> None:
    """Require that a carrier can be made of its parts; nothing is called.

    Raises InvalidInputError with the field `kind`, `channel`, `url`, `option` or `secret`.
    """
    kind = kind_named(config.kind)
    if channel not in kind.channels:
        raise InvalidInputError(
            "channel", f"A carrier of the kind {config.kind} takes messages of: {', '.join(kind.channels)}."
        )
    require_known(config.options, kind.options)
    if kind.check(config.url, config.options) and not config.secret:
        raise InvalidInputError("secret", "A secret is needed: from a file, or from CARILLON_CARRIER_SECRET.")


def make_carrier(config: CarrierConfig, around: Surroundings) -> Carrier:
    """Make a carrier. Raises InvalidInputError, where what was stored was not checked by `check_carrier`."""
    return kind_named(config.kind).make(config, around)

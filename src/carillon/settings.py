"""The settings: one typed object, each field with its sentence, from which the reference page is generated.

Sources, each over the one before: the defaults, a TOML file, the environment (`CARILLON_` and the field's name in
capitals), the command line's flags.
"""

import functools
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from carillon.errors import InvalidInputError
from carillon.kit.networks import Network, plain_network, read_server

CONFIG_VARIABLE = "CARILLON_CONFIG"
CONFIG_FILE = Path("carillon.toml")
_MEGABYTE = 1024**2


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that an installation can choose. Its repr keeps the URLs, which may hold passwords, to itself."""

    data_dir: Annotated[
        Path,
        Meta(description="The folder of the embedded database and of the secret key. It is made when it is absent."),
    ] = Path("data")
    database_url: Annotated[
        str | None,
        Meta(
            description="A PostgreSQL server of your own, 15 or later: postgresql://user:password@host/database. "
            "Without it the embedded server in data_dir is used."
        ),
    ] = None
    control_url: Annotated[
        str | None,
        Meta(description="The coordinator of a Citus cluster, where database_url names another of its nodes."),
    ] = None
    database_pool_size: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="How many database connections a process has for callers at most; one account, half of them, "
            "and for what it writes one fewer. A few more are the process's own.",
        ),
    ] = 10
    statement_timeout_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="After so many seconds the database gives a statement up; 0 is never.")
    ] = 60.0
    secret_key_file: Annotated[
        Path | None,
        Meta(
            description="The key that seals recoverable secrets, made on first use. Without it, secret.key in "
            "data_dir. Back it up apart from the database."
        ),
    ] = None
    host: Annotated[str, Meta(pattern=r"^\S+$", description="The address that the server listens on.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="The port that the server listens on; 0 takes a free one.")
    ] = 8080
    role: Annotated[
        Literal["all", "api", "worker"],
        Meta(description="What this process does: answer calls, process what they queued, or both."),
    ] = "all"
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Meta(description="Networks of proxies whose X-Forwarded-For header is believed, in CIDR notation."),
    ] = ()
    outbound_allow: Annotated[
        tuple[Network, ...],
        Meta(
            description="Networks that outgoing calls, such as callbacks, may reach although they are not public, in "
            "CIDR notation. Without it only public addresses are called."
        ),
    ] = ()
    dns_server: Annotated[
        str | None,
        Meta(
            description="The DNS server that is asked whose a domain of links is: 9.9.9.9, 127.0.0.1:5353 or "
            "[::1]:5353. Without it the system's are."
        ),
    ] = None
    public_url: Annotated[
        str | None,
        Meta(
            description="The address at which carriers' HTTP providers reach this installation, with receipts and "
            "replies: https://sms.example.org. Without it they are told none, and no receipts come from them."
        ),
    ] = None
    link_url: Annotated[
        str | None,
        Meta(
            description="What short links begin with, as short as it can be: https://s.example.org, which leads here. "
            "Without it, public_url and /l, or else the host and port of the folder's latest server and /l."
        ),
    ] = None
    link_days: Annotated[
        int,
        Meta(ge=1, le=2_000, description="How many days short links lead on, and at least retention_days."),
    ] = 365
    max_body_bytes: Annotated[
        int, Meta(ge=1024, le=1024 * _MEGABYTE, description="The size of the largest request body that is read.")
    ] = 32 * _MEGABYTE
    max_bodies_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=64 * 1024 * _MEGABYTE,
            description="How much memory the bodies of all requests may take that are being read or answered; callers "
            "that are not authenticated yet have a quarter of it, one account a half.",
        ),
    ] = 256 * _MEGABYTE
    max_connections: Annotated[
        int,
        Meta(
            ge=20,
            le=100_000,
            description="How many connections of callers are kept; fewer where the process may not open as many files. "
            "When there are more, the one that has been idle for longest is closed.",
        ),
    ] = 1000
    max_connections_per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="How many of them one address may have, but for the addresses of trusted_proxies.",
        ),
    ] = 250
    list_page_size: Annotated[
        int, Meta(ge=1, le=100_000, description="How many items a list holds at most where its caller sets no limit.")
    ] = 1000
    signature_age_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=31_536_000,
            description="How far the date of a signed request may be behind the server's clock; ahead of it are 90 "
            "minutes. So long an overheard request that only reads can be sent again, and one that changes something "
            "is remembered and refused.",
        ),
    ] = 90_000
    worker_port: Annotated[
        Annotated[int, Meta(ge=0, le=65_535)] | None,
        Meta(description="Where a process of role worker answers /metrics, /healthz and /readyz; without it, nowhere."),
    ] = None
    worker_poll_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="How often an idle worker polls for work.")
    ] = 1.0
    retention_days: Annotated[
        int,
        Meta(ge=1, le=36_500, description="How many days the rows of tables are kept that are partitioned by day."),
    ] = 30
    upload_report_days: Annotated[
        int,
        Meta(
            ge=1,
            le=36_500,
            description="How long an upload's report is kept, which quotes values that were refused. Uploads that "
            "could not be written are kept until they are.",
        ),
    ] = 30
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least severe messages that are logged.")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "console"],
        Meta(description="The form of the log on standard error: auto is console on a terminal and json elsewhere."),
    ] = "auto"

    @property
    def secret_key_path(self) -> Path:
        """Where the secret key is."""
        return self.secret_key_file or self.data_dir / "secret.key"

    @property
    def address_path(self) -> Path:
        """Where a server says in its folder what its short links begin with."""
        return self.data_dir / "link_address"

    @property
    def link_base(self) -> str:
        """What short links begin with."""
        if self.link_url is not None:
            return self.link_url
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - it is compared
        return f"{self.public_url or 'http://' + (f'[{host}]' if ':' in host else host) + f':{self.port}'}/l"

    @property
    def link_kept_days(self) -> int:
        """How many days short links are kept."""
        return max(self.link_days, self.retention_days)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if not name.endswith("_url")
        )
        return f"Settings({shown})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDescription:
    """A setting as the reference page shows it: `kind` in words, `default` as it is written in TOML ("" for none)."""

    name: str
    kind: str
    default: str
    variable: str
    sentence: str


def load_settings(
    flags: Mapping[str, Any], *, config: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Gather the settings; a flag of None was not given, and an empty variable counts as absent.

    The file is `config`, or what CARILLON_CONFIG names, or carillon.toml in the working directory when there is one.
    Raises InvalidInputError with the field's name (`config` for a file that can't be read).
    """
    given = os.environ if environment is None else environment
    named = config or (Path(given[CONFIG_VARIABLE]) if given.get(CONFIG_VARIABLE) else None)
    values = _from_file(named) | _from_environment(given) | _from_flags(flags)
    settings = Settings(**{name: _convert(name, *value) for name, value in values.items()})
    if settings.control_url is not None and settings.database_url is None:
        raise InvalidInputError(
            "control_url", "control_url needs database_url: the embedded server has no coordinator."
        )
    return settings


def describe_settings() -> list[SettingDescription]:
    """Describe every setting, in the order of their importance."""
    defaults = Settings()
    return [
        SettingDescription(
            name=name,
            kind=_kind(annotation),
            default=_toml(getattr(defaults, name)),
            variable=_variable(name),
            sentence=_meta(annotation).description or "",
        )
        for name, annotation in _annotations().items()
    ]


# A value, and where it comes from in the words of an error.
_Given = tuple[Any, str]


def _from_file(named: Path | None) -> dict[str, _Given]:
    path = named or CONFIG_FILE
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if named is None:
            return {}
        raise InvalidInputError("config", f"There is no settings file {path}.") from None
    except (OSError, ValueError) as error:
        raise InvalidInputError("config", f"The settings file {path} can't be read: {error}.") from None
    unknown = sorted(content.keys() - set(Settings.__struct_fields__))
    if unknown:
        raise InvalidInputError(unknown[0], f"{unknown[0]} in {path} is not a setting.")
    return {name: (value, f"{name} in {path}") for name, value in content.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Given]:
    variables = {name: _variable(name) for name in Settings.__struct_fields__}
    return {name: (environment[key], key) for name, key in variables.items() if environment.get(key)}


def _from_flags(flags: Mapping[str, Any]) -> dict[str, _Given]:
    return {name: (value, f"--{name.replace('_', '-')}") for name, value in flags.items() if value is not None}


def _variable(name: str) -> str:
    return f"CARILLON_{name.upper()}"


@functools.cache
def _annotations() -> dict[str, Any]:
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hints[name] for name in Settings.__struct_fields__}


def _meta(annotation: Any) -> Meta:
    meta: Meta = get_args(annotation)[1]
    return meta


def _convert(name: str, value: Any, origin: str) -> Any:
    annotation = _annotations()[name]
    kind = get_args(annotation)[0]
    try:
        if get_origin(kind) is tuple:
            # Not of `outbound_allow`: the guard asks for a mapped address and for the one in it, each of its own.
            return tuple(map(plain_network, _networks(value))) if name == "trusted_proxies" else _networks(value)
        if name in _READERS:
            return _READERS[name](value)
        if kind is Path or Path in get_args(kind):
            return _path(value)
        if get_origin(kind) is Literal:
            return _choice(value, get_args(kind))
        # Not strict: an environment knows only texts, and "8080" is a number there.
        return msgspec.convert(value, annotation, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidInputError(name, f"{origin}: {str(error).replace('`', '')}.") from None


def _networks(value: Any) -> tuple[Network, ...]:
    texts = value.split(",") if isinstance(value, str) else msgspec.convert(value, list[str])
    return tuple(ip_network(text.strip()) for text in texts if text.strip())


def _url(value: Any) -> str:
    # Not quoted in the error: it may hold a password.
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("Expected a URL that starts with postgresql://")
    return value


def _public_url(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise ValueError("Expected a URL that starts with https:// or http://")
    return value.rstrip("/")


def _dns_server(value: Any) -> str:
    read_server(str(value))
    return str(value).strip()


_READERS: Mapping[str, Callable[[Any], str]] = {
    "control_url": _url,
    "database_url": _url,
    "dns_server": _dns_server,
    "link_url": _public_url,
    "public_url": _public_url,
}


def _choice(value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"Expected one of {', '.join(choices)}")
    return str(value)


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError("Expected a path")
    return Path(value).expanduser()


def _kind(annotation: Any) -> str:
    kind = get_args(annotation)[0]
    if get_origin(kind) is Literal:
        return " | ".join(get_args(kind))
    if get_origin(kind) in {UnionType, Union}:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Annotated:  # bounds of what may be absent
        kind = get_args(kind)[0]
    return {Path: "path", str: "text", int: "integer", float: "number"}.get(kind, "list of networks")


def _toml(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return str([str(item) for item in value])
    return f'"{value}"' if isinstance(value, str | Path) else str(value)

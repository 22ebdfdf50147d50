"""What a credential may be limited to. One without scopes may do everything that its account can."""

from enum import StrEnum

from carillon.errors import AudienceConfinedError, ScopeMissingError
from carillon.kit.actor import Actor


class Scope(StrEnum):
    """A set of operations; writing doesn't include reading."""

    AUDIENCE_READ = "audience:read"  # contacts, groups, suppressions, reports of imports: look
    AUDIENCE_WRITE = "audience:write"  # the same: change
    MESSAGES_READ = "messages:read"  # messages, sendings, campaigns, what they cost: look
    MESSAGES_WRITE = "messages:write"  # the same: send, move, cancel


def require_scope(actor: Actor, scope: Scope) -> None:
    """Let an actor pass whose scopes cover the operation. Raises ScopeMissingError."""
    if actor.scopes and scope not in actor.scopes:
        raise ScopeMissingError(scope)


def require_all_audiences(actor: Actor) -> None:
    """Let an actor pass that isn't confined to an audience. Raises AudienceConfinedError."""
    if actor.confined_to is not None:
        raise AudienceConfinedError(actor.confined_to)

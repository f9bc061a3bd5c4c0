"""Who sits at the desk. There is no sign-in yet: everybody is the member `desk`, on a page that only this machine sees.

The seam for sign-in: `create_app(..., member=...)` takes any FastAPI dependency that answers with a Member.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """A person of the care team. signed_in: the name is proven, and cannot be chosen with an action."""

    id: str
    signed_in: bool = False


def current_member() -> Member:
    """Who asks, as long as nobody signs in."""
    return Member("desk")

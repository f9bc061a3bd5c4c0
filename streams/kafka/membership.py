"""Who a worker is to its group: somebody new at every start, or the same one again (KIP-345, static membership).

With a name of its own (`HOMEBEAT_WORKER_ID`) a worker that stops does not leave the group, and one that comes by that
name within SESSION_S gets the partitions that it had; the others never hear of it. Without, each restart of a worker is
two hand-overs (it goes, it comes), which pause everybody's patients.

Better still, the one that comes need not wait until the other has gone: Kafka lets whoever joins by a name replace the
one who had it. So a new worker can start, which takes seconds, and read the pages (`takeover`), while the old one goes
on deciding; patients wait only until the last pages are read and their state is made. The old one steps aside as soon
as it is told, with its next heartbeat. That both decide until then does no harm: they say the same, and of two pages
the one applied further stays.

aiokafka 0.14 does not see that it was replaced: it joins anew as if the group had forgotten it, and the two would throw
each other out for ever. So here a worker that has been a member says which one it was when it joins again, and Kafka
tells it apart: forgotten (it may join anew) or replaced (it must not).
"""

import time
from typing import Any, cast

from aiokafka import errors
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.group import JoinGroupRequest

from streams.errors import Failed

FENCED_INSTANCE_ID = 82
"""Kafka's error code: somebody else has joined by this name since. aiokafka has no name for it."""


class Replaced(Failed):
    """Another worker has joined the group under our name."""

    def __init__(self, worker_id: str) -> None:
        super().__init__(
            f"another worker has joined as HOMEBEAT_WORKER_ID={worker_id} and has the partitions of this one now: "
            "after a hand-over stop this one; else give each worker its own id (in Kubernetes the pod's name), or none"
        )


class Membership:
    """Of one process, over all of its sessions.

    worker_id: the name, empty for somebody new at every start. confirmed_at: when the group last confirmed that we are
    a member [s of time.monotonic]. replaced: somebody else is the member of this name now, and we are not.
    """

    def __init__(self, worker_id: str = "") -> None:
        self.worker_id = worker_id
        self.confirmed_at = float("-inf")
        self.replaced = False
        self._known_as = ""

    def settings(self) -> dict[str, Any]:
        """Settings of `faust.App`. Faust compares the address that it has given to a member with the one that it has
        now, by default its host's, which may be another one after a restart."""
        named = {"consumer_group_instance_id": self.worker_id, "canonical_url": f"http://{self.worker_id}/"}
        return named if self.worker_id else {}

    def watch(self, coordinator: GroupCoordinator) -> None:
        """Note from now on what the group says of us. Before the consumer joins."""
        beat, ask = coordinator._do_heartbeat, coordinator._send_req

        async def noted() -> bool:
            asked = time.monotonic()  # an answer may have waited for us while we were paused
            confirmed: bool = await beat()
            if confirmed:
                self.confirmed_at = asked
            return confirmed

        async def told_apart(request: Any) -> Any:
            joining = isinstance(request, JoinGroupRequest)
            if joining and not request._member_id:
                request._member_id = self._known_as
            answer = await ask(request)
            if self.worker_id:
                self._note(answer, joining)
            return answer

        coordinator._do_heartbeat, coordinator._send_req = noted, told_apart

    def _note(self, answer: Any, joining: bool) -> None:
        code = cast(int, getattr(answer, "error_code", 0))
        if code == FENCED_INSTANCE_ID:
            self.replaced = True
        elif joining and code == 0:
            self._known_as = answer.member_id
        elif joining and code == errors.UnknownMemberIdError.errno:
            self._known_as = ""

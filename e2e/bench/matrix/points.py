"""Where a fault can strike: the portal's calls of gu1, gu1's webhooks, and the buttons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.bench.matrix.journeys import STOPPED, WHOLE
from e2e.bench.proxy import Asked


@dataclass(frozen=True, kw_only=True)
class Point:
    name: str
    cue: str
    """The person's next action when the fault may begin."""
    operation: str = ""
    """The mock's name of the call; empty if no call is affected."""
    request: Asked = b""
    """The same call on the wire."""
    before: Asked = b""
    """The portal's previous call; empty if that varies."""
    journeys: tuple[str, ...] = WHOLE
    variant: Mapping[str, Any] = field(default_factory=dict)
    is_known: bool = False
    """Reached only if gu1 has the person's entity already."""
    is_muted: bool = False
    """Reached only if no webhook arrives first."""
    is_heard: bool = False
    """Reached only by a webhook."""
    is_primed: bool = False
    """Reached only if the answer to the first create was lost."""
    refused: str | None = "delayed"
    """What the page shows while gu1 refuses this call; None if the portal continues without it."""

    @property
    def is_call(self) -> bool:
        return bool(self.operation)


FIND, ENTITY = b"GET /api/entities?", b"POST /api/entities "
CREATE = b"POST /api/kyc/validations "
READ_ENTITY = re.compile(rb"GET /api/entities/[0-9a-f-]{36} ")
CHANGE = b"PATCH /api/entities/"
READ, CANCEL = b"GET /api/kyc/validations/", b"DELETE /api/kyc/validations/"
LIST = re.compile(rb"GET /api/kyc/entities/[^/]+/validations")
SYNC = re.compile(rb"POST /api/kyc/validations/[^/]+/sync")

CALLS = (
    Point(name="find_entities", cue="form", operation="find_entities", request=FIND, refused=None),
    Point(name="create_entity", cue="form", operation="create_entity", request=ENTITY, before=FIND),
    Point(
        name="read_entity",
        cue="form",
        operation="read_entity",
        request=READ_ENTITY,
        before=FIND,
        is_known=True,
    ),
    Point(
        name="create_validation",
        cue="form",
        operation="create_validation",
        request=CREATE,
        before=ENTITY,
        journeys=(*WHOLE, "stop early", *STOPPED),
    ),
    Point(
        name="create_again",
        cue="retry",
        operation="create_validation",
        request=CREATE,
        journeys=("retry",),
    ),
    Point(
        name="read_validation",
        cue="choose",
        operation="read_validation",
        request=READ,
        is_muted=True,
    ),
    Point(
        name="list_validations",
        cue="form",
        operation="list_validations",
        request=LIST,
        journeys=(*WHOLE, "stop early"),
        is_muted=True,
        is_primed=True,
    ),
    Point(
        name="cancel_validation",
        cue="stop",
        operation="cancel_validation",
        request=CANCEL,
        journeys=STOPPED,
        refused="cancelled",
    ),
    Point(
        name="sync_validation",
        cue="continue",
        operation="sync_validation",
        request=SYNC,
        variant={"provider_events": "on_sync"},
        journeys=("approve", "retry"),
        refused="waiting",
    ),
)
WEBHOOKS = Point(name="webhooks", cue="form", journeys=(*WHOLE, *STOPPED))
PRESSES = (
    Point(name="form", cue="form"),
    Point(name="status", cue="status"),
    Point(name="continue", cue="continue"),
    Point(name="retry", cue="retry", journeys=("retry",)),
    Point(name="stop", cue="stop", journeys=STOPPED),
    Point(name="return", cue="chosen"),
)


def _ending(
    journey: str, operation: str = "", request: Asked = b"", *, is_muted: bool = False, is_heard: bool = False
) -> Point:
    return Point(
        name=f"{journey}: {operation or 'decision'}",
        cue="ending",
        operation=operation,
        request=request,
        journeys=(journey,),
        is_muted=is_muted,
        is_heard=is_heard,
    )


ENDINGS = (
    _ending("stopped during RENAPER", "cancel_validation", CANCEL),
    _ending("rejected by a reviewer", "read_validation", READ, is_muted=True),
    _ending("overturned", "read_validation", READ, is_heard=True),
    _ending("overturned", "cancel_validation", CANCEL, is_heard=True),
    _ending("registry outage", "read_validation", READ, is_muted=True),
    _ending("lost entity", "create_validation", CREATE),
    _ending("lost entity", "create_entity", ENTITY),
    _ending("fresh start", "sync_validation", SYNC),
    _ending("fresh start", "cancel_validation", CANCEL),
    _ending("fresh start", "create_validation", CREATE),
    _ending("released by an operator"),
    _ending("rejected by an operator"),
    _ending("cancelled by an operator", "cancel_validation", CANCEL),
    _ending("number corrected", "update_entity", CHANGE),
    _ending("number corrected", "read_entity", READ_ENTITY),
    _ending("number corrected", "read_validation", READ),
    _ending("record replaced", "update_entity", CHANGE),
    _ending("record replaced", "create_entity", ENTITY),
    _ending("record replaced", "create_validation", CREATE),
    _ending("attempts used up", "find_entities", FIND),
    _ending("attempts used up", "read_entity", READ_ENTITY),
    _ending("attempts used up", "create_validation", CREATE),
)
WRITES = ("create_entity", "create_validation", "create_again", "cancel_validation", "sync_validation")
CREATES = ("create_validation", "create_again")
BY_NAME = {point.name: point for point in (*CALLS, WEBHOOKS, *PRESSES, *ENDINGS)}
ALL_CALLS = tuple(point.name for point in CALLS)
ALL_PRESSES = tuple(point.name for point in PRESSES)

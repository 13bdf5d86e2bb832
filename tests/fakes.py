"""Stand-ins at the real seams."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import OutcomeUnknown, Refused
from portal.domain.existing_entity import ExistingEntity
from portal.domain.name_match import name_of
from portal.domain.status import Status
from portal.domain.validation import Listing, Observation


class FakeGu1:
    """gu1 as the runner sees it: keeps what was created, and fails on request."""

    calls_allowed = 16
    is_failing = False

    def __init__(self, clock):
        self._clock = clock
        self.failures = deque()
        self.lose_answers = 0
        self.kill_after_creation = None
        self.calls = []
        self.closed = False
        self.entities = {}
        self.people = {}
        """Entity id → the details that gu1 shows of it; without them gu1 shows nothing."""
        self.validations = {}
        self.cancel_reasons = []
        self.session_url = "https://verify.example.com/session/{}"
        self.answers_with_page = True
        """Off where the answer to a creation has no hosted page, and only a read shows it."""
        self.failing = {}
        """Operation → the error that each call of it raises, for as long as it is in here."""
        self.during = {}
        """Operation → an async function that is awaited, once, while a call of it is under way."""
        self.finds_tax_ids = True
        """Off in the worlds where only the refusal of a duplicate tells of the first one."""
        self.refuses_duplicates = True
        """Off in the older API, which creates a second entity."""
        self.changes_numbers = "allowed"
        """Or "refused", or "ignored": gu1 answers well and keeps the old one."""
        self.after_change = None
        """What is raised after the next change of a number: the answer is lost, or the process dies."""
        self.shows_names = True
        self.cancels_abandoned = False
        """On in the world where gu1 also cancels what was left unfinished."""
        self.statuses = {}
        self.sync_shows_row = True
        self.list_shows_rows = True
        self.list_shows_metadata = True
        self.list_is_whole = True
        self.shows_metadata = True
        """Off in the world where not even a full read shows what was sent."""

    async def create_entity(self, details, external_id):
        await self._call("create_entity", details.document_number)
        for entity_id, (number, _) in self.entities.items():
            if number == details.document_number and self.refuses_duplicates:
                raise Refused(409, "DUPLICATE_TAX_ID", entity_id=entity_id)
        entity_id = f"entity-{len(self.entities) + 1}"
        self.entities[entity_id] = (details.document_number, external_id)
        self.people[entity_id] = details
        return entity_id

    async def change_tax_id(self, entity_id, tax_id):
        await self._call("change_tax_id", entity_id, tax_id)
        if entity_id not in self.entities:
            raise Refused(404, "ENTITY_NOT_FOUND")
        has_another = any(number == tax_id for key, (number, _) in self.entities.items() if key != entity_id)
        if self.changes_numbers == "refused" or has_another:
            raise Refused(409 if has_another else 400, "DUPLICATE_TAX_ID" if has_another else "INVALID_REQUEST")
        if self.changes_numbers == "allowed":
            self.entities[entity_id] = (tax_id, self.entities[entity_id][1])
        if failure := self.after_change:
            self.after_change = None
            raise failure

    async def find_entity(self, external_id):
        await self._call("find_entity", external_id)
        return next((key for key, (_, known) in self.entities.items() if known == external_id), None)

    async def find_entity_by_tax_id(self, country, tax_id):
        await self._call("find_entity_by_tax_id", tax_id)
        found = (key for key, (number, _) in self.entities.items() if number == tax_id)
        here = (key for key in found if key not in self.people or self.people[key].country == country)
        return next(here, None) if self.finds_tax_ids else None

    async def read_entity(self, entity_id):
        await self._call("read_entity", entity_id)
        person = self.people.get(entity_id)
        first, last = (person.first_name, person.last_name) if person and self.shows_names else ("", "")
        return ExistingEntity(
            is_person=True,
            country=person and person.country,
            name=name_of(first, last),
            number=self.entities.get(entity_id, (None,))[0],
            first_name=first,
            last_name=last,
        )

    async def read_entity_status(self, entity_id):
        await self._call("read_entity_status", entity_id)
        return self.statuses.get(entity_id, EntityStatus(is_verified=False, needs_reverification=True))

    async def sync_validation(self, gu1_id):
        await self._call("sync_validation", gu1_id)
        return self.validations[gu1_id] if self.sync_shows_row else None

    async def create_validation(self, entity_id, *, double_check, metadata, integration_code=None):
        await self._call("create_validation", entity_id, double_check, metadata)
        gu1_id = f"validation-{len(self.validations) + 1}"
        self.validations[gu1_id] = Observation(
            gu1_id=gu1_id,
            entity_id=entity_id,
            status=Status.PENDING,
            session_url=self.session_url and self.session_url.format(gu1_id),
            session_id=f"session-of-{gu1_id}" if self.session_url else None,
            nonce=metadata["nonce"],
            onboarding_id=metadata["onboarding"],
            has_metadata=True,
            created_at=self._clock(),
            updated_at=self._clock(),
        )
        self._lose()
        created = self.validations[gu1_id]
        return created if self.answers_with_page else replace(created, session_url=None, session_id=None)

    async def read_validation(self, gu1_id):
        await self._call("read_validation", gu1_id)
        return self._shown(self.validations[gu1_id], self.shows_metadata)

    async def list_validations(self, entity_id):
        await self._call("list_validations", entity_id)
        rows = [it for it in reversed(self.validations.values()) if it.entity_id == entity_id]
        rows = rows if self.list_shows_rows else []
        shows = self.list_shows_metadata and self.shows_metadata
        return Listing([self._shown(row, shows) for row in rows], is_whole=self.list_is_whole)

    async def aclose(self):
        self.closed = True

    async def cancel_validation(self, gu1_id, reason):
        await self._call("cancel_validation", gu1_id)
        self.cancel_reasons.append(reason)
        open_ones = {Status.PENDING, Status.IN_PROGRESS, Status.UNKNOWN}
        allowed = open_ones | {Status.ABANDONED} if self.cancels_abandoned else open_ones
        if self.validations[gu1_id].status not in allowed:
            raise Refused(400, "INVALID_STATUS")
        self.becomes(gu1_id, Status.CANCELLED)

    def becomes(self, gu1_id, status, **facts):
        """What gu1 says of a validation from now on."""
        changed = replace(self.validations[gu1_id], status=status, updated_at=self._clock(), **facts)
        self.validations[gu1_id] = changed
        return changed

    def twin_of(self, gu1_id):
        """What a sending that was believed lost creates after all."""
        twin_id = f"twin-{len(self.validations) + 1}"
        self.validations[twin_id] = replace(
            self.validations[gu1_id], gu1_id=twin_id, created_at=self._clock(), updated_at=self._clock()
        )
        return self.validations[twin_id]

    def late_validation(self, entity_id, nonce, onboarding_id=None):
        """What a sending that nobody waits for any more creates."""
        late = Observation(
            gu1_id="late-1",
            entity_id=entity_id,
            status=Status.PENDING,
            nonce=nonce,
            onboarding_id=onboarding_id,
            has_metadata=True,
            created_at=self._clock(),
            updated_at=self._clock(),
        )
        self.validations[late.gu1_id] = late
        return late

    @staticmethod
    def _shown(row, with_metadata):
        return row if with_metadata else replace(row, nonce=None, onboarding_id=None, has_metadata=False)

    def named(self, operation):
        return [call for call in self.calls if call[0] == operation]

    async def _call(self, *call):
        self.calls.append(call)
        if meanwhile := self.during.pop(call[0], None):
            await meanwhile()
        if self.failures and (failure := self.failures.popleft()):
            raise failure
        if failure := self.failing.get(call[0]):
            raise failure

    def _lose(self):
        if self.kill_after_creation:
            kill, self.kill_after_creation = self.kill_after_creation, None
            raise kill
        if self.lose_answers:
            self.lose_answers -= 1
            raise OutcomeUnknown("the answer was lost")

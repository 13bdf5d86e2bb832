"""The real services with every call to gu1 held up, so that each step of the model can be taken by itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from portal.domain.errors import OutcomeUnknown, Refused
from portal.domain.existing_entity import ExistingEntity
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.stage import stage_of
from portal.domain.start_limits import StartLimits
from portal.domain.status import Status
from portal.domain.timings import Timings
from portal.domain.validation import Listing, Observation
from portal.services.budget import Budget
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash
from portal.services.meter import NoMeter
from portal.services.onboarding_steps import OnboardingSteps
from portal.services.onboardings import Onboardings
from portal.services.start_counters import StartCounters
from portal.services.summary import ChangeNotifier, summary_of
from portal.services.validation_plan import Policy
from portal.store.encryption import ColumnCipher
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from portal.store.shared_state import SharedState
from portal.store.tables import events
from tests.factories import NOW, a_validation, an_onboarding, some_details

ENTITY = "entity-1"
TYPED, VERIFIED = "30111222", "30111223"
RULES = Policy(max_attempts=9, double_check_renaper=False)
HOSTS = ProviderHosts(("verify.example.com",))
PACE = Timings(reconcile_delay=10, empty_list_pause=5, resend_pause=10**8, first_sweep=3600)
"""After each lease the quiet time is over, after a third sending there is none, and a sweep comes when all is quiet."""
LOST = OutcomeUnknown("the answer was lost")


class Clock:
    """Never the same twice: what happens at one moment by chance is no hint at what happened before."""

    def __init__(self):
        self._now = NOW

    def __call__(self):
        self._now += timedelta(milliseconds=1)
        return self._now

    def put(self, moment):
        self._now = max(self._now, moment)


class Ledger:
    """gu1's own books."""

    def __init__(self, clock):
        self._clock = clock
        self.entity_number = TYPED
        self.rows = []
        self.history = []
        """Of each row what it was, one after the other."""

    def create(self, nonce):
        number, now = len(self.rows), self._clock()
        self.rows.append(
            Observation(
                gu1_id=f"gu1-{number}",
                entity_id=ENTITY,
                status=Status.PENDING,
                session_url=f"https://verify.example.com/session/{number}",
                session_id=f"session-{number}",
                nonce=nonce,
                has_metadata=True,
                created_at=now,
                updated_at=now,
                expires_at=NOW + timedelta(days=3650),
            )
        )
        self.history.append([self.rows[number]])
        return self.rows[number]

    def becomes(self, number, status, double_check=None, reason=None, **facts):
        changes = {"status": status, "double_check": double_check, "reason": reason} | facts
        self.rows[number] = replace(self.rows[number], **changes, updated_at=self._clock())
        self.history[number].append(self.rows[number])

    def number(self, gu1_id):
        return next(number for number, row in enumerate(self.rows) if row.gu1_id == gu1_id)

    def answer(self, call):
        """What it answers at once; of the paid request nobody hears."""
        operation, *arguments = call
        if operation == "list_validations":
            return Listing(self.rows[::-1], is_whole=True)
        if operation == "create_validation":
            return LOST
        if operation in _OF_ENTITIES:
            return _OF_ENTITIES[operation](self)
        number = self.number(arguments[0])
        if operation == "cancel_validation" and self.rows[number].status.is_final:
            return Refused(409, "ALREADY_FINAL")
        if operation == "cancel_validation":
            self.becomes(number, Status.CANCELLED)
        return self.rows[number]


_OF_ENTITIES = {
    "find_entity": lambda _ledger: ENTITY,
    "find_entity_by_tax_id": lambda _ledger: None,
    "create_entity": lambda _ledger: "entity-2",
    "change_tax_id": lambda _ledger: Refused(400, "INVALID_REQUEST"),
    "read_entity": lambda ledger: ExistingEntity(
        is_person=True, country="AR", name=None, number=ledger.entity_number, first_name="Ana", last_name="Núñez"
    ),
}
"""Of a gu1 that has one of them."""


class Line:
    """One worker's gu1: each call waits until it is answered from outside."""

    def __init__(self):
        self.call = None
        self._answer = None
        self.rings = asyncio.Event()

    def answer(self, result):
        answer, self.call, self._answer = self._answer, None, None
        self.rings.clear()
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    async def _ask(self, *call):
        self.call, self._answer = call, asyncio.get_running_loop().create_future()
        self.rings.set()
        return await self._answer

    async def create_validation(self, entity_id, *, double_check, metadata, integration_code=None):
        return await self._ask("create_validation", metadata["nonce"])

    async def create_entity(self, details, external_id):
        return await self._ask("create_entity")

    async def find_entity(self, external_id):
        return await self._ask("find_entity")

    async def find_entity_by_tax_id(self, country, tax_id):
        return await self._ask("find_entity_by_tax_id")

    async def read_entity(self, entity_id):
        return await self._ask("read_entity")

    async def change_tax_id(self, entity_id, tax_id):
        await self._ask("change_tax_id")

    async def list_validations(self, entity_id):
        return await self._ask("list_validations")

    async def read_validation(self, gu1_id):
        return await self._ask("read_validation", gu1_id)

    async def sync_validation(self, gu1_id):
        return await self._ask("sync_validation", gu1_id)

    async def cancel_validation(self, gu1_id, reason):
        await self._ask("cancel_validation", gu1_id)


class Process:
    """A portal of its own on the shared database, that works on one onboarding at a time."""

    def __init__(self, bench):
        self._bench = bench
        self.line = Line()
        self.claimed = None
        self.task = None
        self.held = None
        """gu1's answer to the call under way, on its way back."""
        onboardings = bench.onboardings
        budget = Budget(bench.store, bench.shared_state, None, bench.clock)
        self._steps = OnboardingSteps(
            bench.store, self.line, onboardings, clock=bench.clock, timings=PACE, meter=NoMeter(), budget=budget
        )

    @property
    def call(self):
        return self.line.call

    def claim(self, moment):
        self._bench.clock.put(moment)
        now = self._bench.clock()
        (claimed,) = self._bench.store.claim(now=now, lease_until=now + timedelta(seconds=PACE.lease), limit=1)
        # The model knows nothing of how long an approval is valid, which another step watches.
        self.claimed = replace(claimed, verification_check_at=None)

    def start(self):
        """As far as its first call to gu1."""
        self.task = self._bench.loop.create_task(self._steps.take(self.claimed))
        self._go_on()

    def answer(self, result):
        """As far as its next call, or its end."""
        self.held = None
        self.line.answer(result)
        self._go_on()

    def finish(self):
        """With a gu1 that answers all else at once."""
        if self.task is None:
            self.start()
        while self.call:
            self.answer(self.held or self._bench.ledger.answer(self.call))

    def die(self):
        if self.task:
            self.task.cancel()
            self._bench.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))

    def _go_on(self):
        self._bench.loop.run_until_complete(self._until_it_calls())
        if self.task.done():
            self.task.result()

    async def _until_it_calls(self):
        rings = asyncio.ensure_future(self.line.rings.wait())
        await asyncio.wait({self.task, rings}, return_when=asyncio.FIRST_COMPLETED)
        rings.cancel()


class Bench:
    def __init__(self, database):
        self.clock = Clock()
        self.ledger = Ledger(self.clock)
        self.loop = asyncio.new_event_loop()
        self._processes = []
        notifier = ChangeNotifier(lambda _onboarding: RULES, lambda _partner: True)
        self.store = Repository(database, ColumnCipher(["secret"]), Consequences(notify_of=notifier))
        self.shared_state = SharedState(database)
        self._database = database
        identity = IdentityComparison(KeyedHash(["secret"], "number"), KeyedHash(["secret"], "name"))
        self.onboardings = Onboardings(
            self.store,
            counters=StartCounters(KeyedHash(["secret"], "start"), StartLimits()),
            clock=self.clock,
            identity=identity,
            policy_for=lambda _onboarding: RULES,
            provider_hosts=HOSTS,
            meter=NoMeter(),
            timings=PACE,
        )
        added = an_onboarding(
            entity_id=ENTITY,
            entity_is_own=True,
            details=None,
            document_digest=identity.document_digest(some_details(document_number=TYPED)),
            validation=a_validation(),
            partner="shop",
            external_id="customer-7",
        )
        added = replace(added, name_digests=identity.name_digests(added.id, some_details()))
        self.id = self.store.add(added).id

    @property
    def onboarding(self):
        return self.onboardings.get(self.id)

    @property
    def doors(self):
        """What page, JSON, API, way back and the last notification of a stopped onboarding say, all at once."""
        onboarding = self.onboarding
        summary = summary_of(onboarding, RULES, onboarding.updated_at)
        with self._database.connect() as connection:
            told = connection.scalars(select(events.c.payload).order_by(events.c.sequence.desc()).limit(1)).first()
        page = stage_of(onboarding, max_attempts=RULES.max_attempts)
        verdict = {"verified"} if summary.verified_at else set()
        return {page.value, onboarding.status.value, summary.status.value, json.loads(told)["status"], *verdict}

    def vouches(self, number):
        """Whether the approval counts when the customer is invited again."""
        gu1_id = self.ledger.rows[number].gu1_id
        owner = self.onboardings.find_by_validation(gu1_id)
        return owner is None or owner.is_valid_approval_for(self.onboarding, gu1_id)

    def process(self):
        self._processes.append(Process(self))
        return self._processes[-1]

    def close(self):
        for process in self._processes:
            process.die()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

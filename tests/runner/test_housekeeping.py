import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.app import runner_of
from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.errors import KeyReused
from portal.domain.installation_change import InstallationChange
from portal.domain.status import Status
from portal.runner.housekeeping import Housekeeping
from portal.store.database import make_engine
from portal.store.encryption import ColumnCipher
from portal.store.installation_history import InstallationHistory
from portal.store.mail_outbox import MailOutbox
from portal.store.onboarding_retention import OnboardingRetention
from portal.store.outbox import Outbox
from portal.store.repository import Repository
from portal.store.shared_state import SharedState
from portal.store.tables import customer_purposes, events, metadata, onboardings, purged_onboardings, webhook_deliveries
from tests.factories import NOW, an_adopted_validation, an_onboarding, some_details
from tests.store.outbox import add_events, notifying_store


@pytest.fixture
def database(config):
    engine = make_engine(config.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(database, config):
    return Repository(database, ColumnCipher(config.secret_keys))


@pytest.fixture
def after(database, store, clock):
    """Keeps house so much later."""

    def after(**time):
        keeper = Housekeeping(
            SharedState(database),
            Outbox(database),
            store,
            OnboardingRetention(database),
            attempts_window=DEFAULT_WINDOW,
            mails=MailOutbox(database, ColumnCipher(["secret"])),
            kept_for=timedelta(days=90),
        )
        while keeper.purge_expired(clock.now + timedelta(**time)):
            pass

    return after


def kept(database, column):
    with database.connect() as connection:
        return len(connection.scalars(select(column)).all())


def test_what_the_release_before_erased_and_left_goes(create_for_customer, store, database, after):
    made = create_for_customer(purpose="loan")
    with database.begin() as connection:
        connection.execute(update(onboardings).values(erased_at=made.created_at))
    after(hours=1)
    assert kept(database, customer_purposes.c.onboarding_id) == 0
    assert store.get(made.id).erased_at == made.created_at


def test_webhooks_are_known_for_a_month(database, after, clock):
    SharedState(database).remember_webhook("aa", clock.now)
    after(days=30)
    assert kept(database, webhook_deliveries.c.body_sha256) == 1
    after(days=31)
    assert kept(database, webhook_deliveries.c.body_sha256) == 0


def test_keys_of_requests_are_known_for_a_week(create_for_customer, after):
    first = create_for_customer(key="k")
    after(days=7)
    assert create_for_customer(key="k") == first
    with pytest.raises(KeyReused):
        create_for_customer("customer-8", key="k")
    after(days=8)
    assert create_for_customer("customer-8", key="k") != first


def test_delivered_events_are_kept_for_a_month_and_others_longer(database, after, clock):
    outbox = Outbox(database)
    add_events(notifying_store(database), times=3)
    first, *_ = outbox.claim("shop", now=clock.now, lease_until=clock.now + timedelta(seconds=40), limit=3)
    outbox.delivered(first, now=clock.now, outcome="HTTP 200")
    after(days=30)
    assert kept(database, events.c.id) == 3
    after(days=31)
    assert kept(database, events.c.id) == 2


def test_history_of_the_installation_is_kept_for_400_days(database, after, clock):
    history = InstallationHistory(database)
    history.add(clock.now, InstallationChange.REKEYED, "ana", "values: 1")
    history.add(clock.now + timedelta(days=1), InstallationChange.RESTORED, "ana", "restore: 1")
    after(days=400)
    assert len(history.newest(limit=9)) == 2
    after(days=401)
    assert [it.what for it in history.newest(limit=9)] == ["restored"]


@pytest.mark.parametrize("due_at", [None, NOW])
def test_details_are_forgotten_with_the_link(store, after, due_at):
    kept = store.add(an_onboarding(due_at=due_at))
    after(days=30, microseconds=-1)
    assert store.get(kept.id) == kept
    after(days=30)
    names = ("document_digest", "name_digests", "submission")
    forgotten = {} if due_at else dict.fromkeys(names)
    assert store.get(kept.id) == replace(kept, details=None, **forgotten)


def test_document_is_compared_until_the_last_verdict(store, after):
    waiting = store.add(an_onboarding(details=None, validation=an_adopted_validation()))
    over = store.add(an_onboarding(details=None, validation=an_adopted_validation(), due_at=None))
    after(days=31)
    assert store.get(waiting.id).document_digest and store.get(waiting.id).name_digests
    assert (store.get(over.id).document_digest, store.get(over.id).name_digests) == (None, None)
    assert [(it.session_url is None, it.session_id is None) for it in sessions(store, waiting, over)] == [
        (False, False),
        (True, True),
    ]


def sessions(store, *onboardings):
    return [store.get(it.id).validation for it in onboardings]


def test_many_details_are_forgotten_in_portions(store, clock):
    ids = [store.add(an_onboarding(due_at=None)).id for _ in range(3)]
    for left, purged in ((1, 2), (0, 1), (0, 0)):
        assert store.purge_details(clock.now, limit=2) == purged
        assert sum(store.get(one).details is not None for one in ids) == left


def test_portal_itself_forgets_details_of_old_links(app, create_for_customer, clock, onboardings):
    given = create_for_customer(details=some_details())
    runner_of(app).purge_expired(clock.now + timedelta(days=30))
    assert onboardings.get(given.id).details is None


def test_finished_onboardings_leave_only_their_number(database, store, after):
    over = an_onboarding(validation=an_adopted_validation(status=Status.APPROVED), due_at=None)
    for changes in ({}, {"updated_at": NOW + timedelta(days=30)}, {"due_at": NOW + timedelta(days=400)}):
        store.add(replace(over, id=str(changes), submission=None, validation=a_fresh(over.validation), **changes))
    after(days=89)
    assert kept(database, onboardings.c.id) == 3
    after(days=91)
    assert kept(database, onboardings.c.id) == 2
    after(days=121)
    assert kept(database, onboardings.c.id) == 1  # something is left to do with it
    with database.connect() as connection:
        assert connection.execute(select(purged_onboardings)).all() == [(f"{NOW:%Y-%m}", "approved", 2)]


def a_fresh(validation):
    return replace(validation, nonce=secrets.token_hex(8), gu1_id=secrets.token_hex(8))


@pytest.mark.asvs("14.2.4")
@pytest.mark.parametrize("kind", ["history", "events", "idempotency_keys", "customers", "validations"])
def test_nothing_outlives_its_onboarding(database, create_for_customer, store, after, kind):
    created = create_for_customer(key="k")
    with store.locked(created.id) as row:
        row.save(replace(row.onboarding, due_at=None, updated_at=NOW))
    table = metadata.tables[kind]
    after(days=400)
    with database.connect() as connection:
        assert connection.execute(select(table)).all() == []

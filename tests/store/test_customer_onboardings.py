"""One open onboarding for each customer of a partner, on both databases and for all who ask at once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text, update

from portal.domain.errors import KeyReused, StoreUnavailable
from portal.services.ports import IdempotentRequest
from portal.store.tables import onboardings
from tests.factories import NOW, an_onboarding
from tests.store.test_concurrency import together

THREADS = 20
ROUNDS = 4


def a_wish(key="key-1", fingerprint="f-1"):
    return IdempotentRequest(key=key, fingerprint=fingerprint, is_same=lambda kept: kept == fingerprint)


def renewed(onboarding):
    return onboarding if onboarding.stopped_at is None and onboarding.erased_at is None else None


@pytest.fixture(params=[None, "credit"], ids=["without-purpose", "with-purpose"])
def purpose(request):
    return request.param


@pytest.fixture
def create_for_customer(repository, purpose):
    def create(external_id="customer-7", idempotent=None, partner="shop", response="pending details", purpose=purpose):
        fresh = an_onboarding(partner=partner, external_id=external_id, purpose=purpose, submission=None)
        return repository.add_for_customer(fresh, idempotent=idempotent, reuse=renewed, respond=lambda _: response)

    return create


@pytest.fixture
def rows(engine, purpose):
    """Of each table, how many."""

    def rows():
        with engine.connect() as connection:
            count = "SELECT count(*) FROM "
            tables = ("onboardings", "customer_purposes" if purpose else "customers", "idempotency_keys")
            return tuple(connection.exec_driver_sql(count + table).scalar() for table in tables)

    return rows


def close(repository, onboarding, erase=False):
    with repository.locked(onboarding.id) as row:
        if erase:
            row.erase(replace(row.onboarding, erased_at=NOW, stopped_at=NOW))
        else:
            row.save(replace(row.onboarding, stopped_at=NOW))


def test_first_invitation_is_stored_whole(create_for_customer, repository):
    kept = create_for_customer()
    assert kept.is_new
    assert repository.get(kept.onboarding.id) == kept.onboarding


def test_open_onboarding_is_found_again(create_for_customer, rows):
    first, second = create_for_customer(), create_for_customer()
    assert (second.onboarding.id, second.is_new) == (first.onboarding.id, False)
    assert rows() == (1, 1, 0)


def test_closed_onboarding_is_followed_by_another(create_for_customer, repository, rows):
    first = create_for_customer()
    close(repository, first.onboarding)
    second = create_for_customer()
    assert second.is_new and second.onboarding.id != first.onboarding.id
    assert create_for_customer().onboarding.id == second.onboarding.id
    assert rows() == (2, 1, 0)


def test_same_customer_and_key_at_another_partner_are_others(create_for_customer, rows):
    kept = [create_for_customer(idempotent=a_wish(fingerprint=slug), partner=slug) for slug in ("shop", "bank")]
    assert [it.is_new for it in kept] == [True, True]
    assert rows() == (2, 2, 2)


def test_each_purpose_has_one_of_its_own_also_for_all_who_ask_at_once(create_for_customer, repository):
    purposes = [None, "credit", "payout", "credit-2"]
    kept = together(THREADS, lambda i: create_for_customer(purpose=purposes[i % 4]).onboarding)
    assert [it.purpose for it in kept] == [purposes[i % 4] for i in range(THREADS)]
    assert len({(it.id, it.purpose) for it in kept}) == len({it.id for it in kept}) == 4
    close(repository, kept[1], erase=True)
    again = {purpose: create_for_customer(purpose=purpose) for purpose in purposes}
    assert {purpose for purpose, it in again.items() if it.is_new} == {"credit"}


def test_repeated_wish_has_its_first_answer(create_for_customer, repository, rows):
    first = create_for_customer(idempotent=a_wish())
    close(repository, first.onboarding)
    create_for_customer()
    again = create_for_customer(idempotent=a_wish(), response="approved approved")
    assert (again.onboarding.id, again.is_new, again.response) == (first.onboarding.id, True, "pending details")
    assert rows() == (2, 1, 1)


def test_repeated_wish_that_found_one_finds_the_same(create_for_customer, repository):
    first = create_for_customer()
    found = create_for_customer(idempotent=a_wish(), response="pending waiting")
    close(repository, first.onboarding)
    again = create_for_customer(idempotent=a_wish(), response="cancelled cancelled")
    assert (again.onboarding.id, again.is_new, again.response) == (first.onboarding.id, False, "pending waiting")
    assert (found.is_new, found.response) == (False, "pending waiting")


def test_key_of_another_wish_is_refused_and_leaves_nothing(create_for_customer, rows):
    create_for_customer(idempotent=a_wish())
    with pytest.raises(KeyReused):
        create_for_customer("customer-8", idempotent=a_wish(fingerprint="f-2"))
    assert rows() == (1, 1, 1)


def test_erasing_forgets_customer_and_keys(create_for_customer, repository, rows):
    first = create_for_customer(idempotent=a_wish())
    create_for_customer(idempotent=a_wish("key-2"))
    close(repository, first.onboarding, erase=True)
    assert rows() == (1, 0, 0)
    assert create_for_customer(idempotent=a_wish()).is_new


# SQLite has one writer at a time.
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_key_that_is_erased_while_it_is_looked_up_is_a_new_one(create_for_customer, repository, engine, rows):
    first = create_for_customer(idempotent=a_wish()).onboarding
    looks = []

    def erase(_connection, _cursor, statement, *_more):
        if "FROM idempotency_keys" in statement and not looks:
            looks.append(statement)
            close(repository, first, erase=True)

    event.listen(engine, "before_cursor_execute", erase)
    try:
        again = create_for_customer(idempotent=a_wish())
    finally:
        event.remove(engine, "before_cursor_execute", erase)
    assert looks and again.is_new and again.onboarding.id != first.id
    assert rows() == (2, 1, 1)


@pytest.mark.long
@pytest.mark.asvs("2.3.4")
@pytest.mark.parametrize("wish_of", [lambda _: None, lambda _: a_wish(), lambda i: a_wish(f"key-{i}")])
def test_all_who_ask_at_once_get_one(create_for_customer, rows, wish_of):
    for number in range(1, ROUNDS + 1):
        name = f"customer-{number}"
        wishes = [wish_of(i) and replace(wish_of(i), key=f"{number}-{wish_of(i).key}") for i in range(THREADS)]
        kept = together(THREADS, lambda i, name=name, wishes=wishes: create_for_customer(name, idempotent=wishes[i]))
        keys = {it.key for it in wishes if it}
        assert len({it.onboarding.id for it in kept}) == 1
        assert sum(it.is_new for it in kept) == (THREADS if len(keys) == 1 else 1)
        assert rows()[:2] == (number, number)


@pytest.mark.long
def test_all_who_follow_a_closed_one_get_one(create_for_customer, repository, rows):
    for number in range(1, ROUNDS + 1):
        close(repository, create_for_customer().onboarding)
        kept = together(
            THREADS, lambda i, n=number: create_for_customer(idempotent=a_wish(f"{n}-{i}") if i % 2 else None)
        )
        assert len({it.onboarding.id for it in kept}) == 1
        assert sum(it.is_new for it in kept) == 1
        assert rows()[:2] == (number + 1, 1)


@pytest.mark.long
def test_of_two_wishes_with_one_key_one_is_refused(create_for_customer, rows):
    def ask(index):
        try:
            return create_for_customer(
                f"customer-{index % 2}", idempotent=a_wish(fingerprint=str(index % 2))
            ).onboarding.id
        except KeyReused:
            return None

    kept = together(THREADS, ask)
    assert (kept.count(None), len(set(kept) - {None})) == (THREADS // 2, 1)
    assert rows() == (1, 1, 1)


@pytest.mark.long
def test_erasing_meanwhile_leaves_no_key_of_the_erased(create_for_customer, repository, engine):
    """And who is invited after it is one customer again."""
    for number in range(ROUNDS):
        first = create_for_customer(idempotent=a_wish(f"{number}")).onboarding

        def act(index, first=first, number=number):
            if index == 0:
                return close(repository, first, erase=True)
            return create_for_customer(idempotent=a_wish(f"{number}-{index}") if index % 2 else None)

        together(THREADS, act)
        with engine.connect() as connection:
            left = "SELECT count(*) FROM {} WHERE onboarding_id = '" + first.id + "'"
            tables = ("customers", "customer_purposes", "idempotency_keys", "events")
            assert [connection.exec_driver_sql(left.format(table)).scalar() for table in tables] == [0, 0, 0, 0]
        assert create_for_customer().onboarding.id == create_for_customer().onboarding.id != first.id


def test_neither_a_broken_row_nor_later_ones_without_an_entity_hide_it(create_for_customer, repository, engine):
    broken = create_for_customer().onboarding
    with repository.locked(broken.id) as row:
        row.save(replace(row.onboarding, entity_id="entity-2", lost_entity_id="entity-1", stopped_at=NOW))
    with engine.begin() as connection:
        connection.execute(update(onboardings).values(watched_at=text("'-infinity'")))
    with pytest.raises(StoreUnavailable):
        repository.get(broken.id)
    later = an_onboarding(partner="shop", external_id="customer-7", purpose="other", created_at=NOW + timedelta(days=1))
    repository.add(later)
    create_for_customer("customer-8")
    assert repository.used_entities("shop", "customer-7", limit=1) == [(broken.id, "entity-2", "entity-1")]

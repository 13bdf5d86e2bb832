import re
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from portal.domain.correction import Correction
from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.onboarding import EntityConflict, Onboarding, StallReason
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import CreationState, Decider, DoubleCheck, IdentityBasis, IdentityMatch, OperatorDecision
from portal.services.ports import PollState, Store
from portal.services.request_ids import part_of_request
from portal.store.database import make_engine, migrate
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding, some_details

TABLES = ["onboardings", "validations"]
LATER = [NOW + timedelta(minutes=minute, microseconds=minute) for minute in range(17)]


def a_full_onboarding():
    validation = an_adopted_validation(
        number=2, sends=3, sent_at=LATER[0], empty_looks=4, status=Status.REJECTED, opened_at=LATER[1],
        returned_at=LATER[1],
        double_check=DoubleCheck.ANSWERED, reason=Reason.REGISTRY_CARD_OUTDATED, identity_match=IdentityMatch.MATCH,
        identity_basis=IdentityBasis.NAME, identity_required=True, verified_digest="d2" * 32,
        operator_decision=OperatorDecision.RELEASED,
        was_in_review=True, was_approved=True, decided_by=Decider.PERSON,
        gu1_updated_at=LATER[2], expires_at=LATER[3], verified_at=LATER[4], refreshes=5,
        restart_asked_at=LATER[13], restart_refused_at=LATER[14],
        double_check_taken_up=True, confirming_since=LATER[15], patience_ended_at=LATER[16],
    )  # fmt: skip
    return an_onboarding(
        entity_id="entity-1", validation=validation, stall_reason=StallReason.REFUSED, failures=6, stopped_at=LATER[5],
        due_at=LATER[6], fence=7, earlier_starts=3, lease_until=LATER[7], updated_at=LATER[8],
        external_id="customer-1", verified_before_at=LATER[9], watched_at=LATER[10], sweep_at=LATER[11],
        phone_joined_at=LATER[10],
        recheck_at=LATER[13], attempts_opened=3, lost_entity_id="entity-0",
        entity_conflict=EntityConflict.CUIL_NEEDED,
        partner="shop", purpose="loan", known_as="shop:customer-1", return_url="https://shop.example/done",
        state="order 7", metadata={"plan": "gold"}, erasure_asked_at=LATER[14],
        capture="frame", given_by_partner=True, allowed_attempt=4, erased_at=LATER[12],
        reverify=True, verified_until=LATER[1], verification_check_at=LATER[2], reverification_due_at=LATER[3],
        outages=8, outages_in_row=9, person="d2" * 32, earlier_attempts=(LATER[0], LATER[1]),
        correction=Correction.REPLACED, entity_is_own=True, set_aside=1, other_numbers=2,
        stopped_by_operator=True, request_id="req-1", link_generation=3,
        link_issued_at=LATER[3], link_expires_at=LATER[4],
        reminder_due_at=LATER[5], photos_reminded_at=LATER[6], expiry_reminded_at=LATER[7], lapsed_at=LATER[8],
    )  # fmt: skip


def test_the_repository_is_a_store(repository):
    store: Store = repository
    store.ping()


def test_every_field_comes_back_as_it_was(repository):
    full = a_full_onboarding()
    assert repository.add(full) == full
    assert repository.get(full.id) == full


@pytest.mark.parametrize(
    "made", [a_full_onboarding(), a_full_onboarding().validation], ids=lambda made: type(made).__name__
)
def test_the_full_onboarding_leaves_no_default_untested(made):
    assert [field.name for field in fields(made) if getattr(made, field.name) in (field.default, None)] == []


def test_an_empty_onboarding_comes_back_empty(repository):
    empty = Onboarding(id="empty", locale="en", created_at=NOW, updated_at=NOW)
    repository.add(empty)
    assert repository.get("empty") == empty


@pytest.mark.parametrize(
    "column",
    ["status", "reason", "creation_state", "double_check", "identity_match", "identity_basis", "operator_decision"],
)
def test_every_word_of_an_enumeration_is_accepted(repository, column):
    words = {"status": Status, "reason": Reason, "creation_state": CreationState, "double_check": DoubleCheck}
    words |= {"identity_match": IdentityMatch, "identity_basis": IdentityBasis, "operator_decision": OperatorDecision}
    for word in words[column]:
        added = repository.add(an_onboarding(validation=a_validation(**{column: word})))
        assert getattr(repository.get(added.id).validation, column) is word


@pytest.mark.parametrize("conflict", EntityConflict)
def test_every_conflict_is_accepted(repository, conflict):
    added = repository.add(an_onboarding(entity_conflict=conflict))
    assert repository.get(added.id).entity_conflict is conflict


def test_an_unknown_onboarding_is_said_to_be(repository):
    with pytest.raises(UnknownOnboarding):
        repository.get("nobody")
    with pytest.raises(UnknownOnboarding), repository.locked("nobody"):
        pass


def test_the_same_submission_is_the_same_onboarding(repository):
    first = repository.add(an_onboarding(submission="one", validation=a_validation()))
    second = repository.add(an_onboarding(submission="one", validation=a_validation()))
    assert second == first


def test_onboardings_without_a_submission_are_all_kept(repository):
    added = [repository.add(an_onboarding(submission=None)) for _ in range(2)]
    assert [repository.get(one.id) for one in added] == added


def test_a_session_finds_its_onboarding_while_it_is_current(repository):
    first = an_adopted_validation()
    added = repository.add(an_onboarding(validation=first))
    assert repository.find_by_session(first.session_id) == added
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=an_adopted_validation(number=2)))
    assert repository.find_by_session(first.session_id) is None


def test_a_validation_finds_its_onboarding_even_when_replaced(repository):
    first = an_adopted_validation()
    added = repository.add(an_onboarding(validation=first))
    assert repository.find_by_validation(first.gu1_id) == added
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=an_adopted_validation(number=2, gu1_id="gu1-2")))
    assert repository.find_by_validation(first.gu1_id).validation.number == 2
    assert repository.find_by_validation("nobody's") is None


@pytest.mark.asvs("1.2.4")
@pytest.mark.parametrize("sql", ["'; DROP TABLE onboardings; --", "' OR '1'='1", "x') UNION SELECT 1 --", "%"])
def test_text_that_looks_like_sql_is_text(repository, sql):
    mine = repository.add(an_onboarding(validation=an_adopted_validation(session_id=sql), external_id=sql))
    other = repository.add(an_onboarding(validation=an_adopted_validation()))
    assert repository.find_by_session(sql) == mine
    assert repository.get(other.id) == other
    with pytest.raises(UnknownOnboarding):
        repository.get(sql)


@pytest.mark.parametrize("session_id", ["nobody's", "", "a\0b"])
def test_an_unknown_session_finds_nothing(repository, session_id):
    repository.add(an_onboarding())
    assert repository.find_by_session(session_id) is None


def test_save_writes_the_whole_aggregate(repository):
    added = repository.add(an_onboarding())
    full = replace(a_full_onboarding(), id=added.id, erased_at=None)
    with repository.locked(added.id) as row:
        row.save(full)
        assert row.onboarding == full
    assert repository.get(added.id) == full


def test_save_can_empty_what_was_there(repository):
    full = repository.add(a_full_onboarding())
    empty = Onboarding(id=full.id, locale="en", fence=full.fence, created_at=NOW, updated_at=NOW)
    with repository.locked(full.id) as row:
        row.save(empty)
    assert repository.get(full.id) == empty


@pytest.fixture
def written(engine):
    """Table and column of each value that an UPDATE sets."""
    found = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        update = re.match(r"UPDATE (\w+) SET (.*) WHERE", statement)
        found.extend([(update[1], it.partition("=")[0]) for it in update[2].split(", ")] if update else [])

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_each_field_is_saved_by_itself(repository):
    full = replace(a_full_onboarding(), erased_at=None)
    attempt = a_validation(number=full.validation.number, created_at=NOW)
    repository.add(Onboarding(id=full.id, locale="en", created_at=NOW, updated_at=NOW, validation=attempt))
    for it in fields(attempt):
        attempt = replace(attempt, **{it.name: getattr(full.validation, it.name)})
        with repository.locked(full.id) as row:
            row.save(replace(row.onboarding, validation=attempt))
        assert repository.get(full.id).validation == attempt, it.name
    for it in fields(full):
        with repository.locked(full.id) as row:
            row.save(replace(row.onboarding, **{it.name: getattr(full, it.name)}))
            expected = row.onboarding
        assert repository.get(full.id) == expected, it.name
    assert repository.get(full.id) == full


def test_save_writes_the_columns_that_changed_and_no_others(repository, written):
    added = repository.add(replace(a_full_onboarding(), erased_at=None))
    with repository.locked(added.id) as row:
        row.save(row.onboarding)
        assert written == []
        attempt = replace(row.onboarding.validation, refreshes=6)
        row.save(replace(row.onboarding, due_at=LATER[16], validation=attempt))
    visible = ("onboardings", "updated_at")
    assert sorted(written) == [("onboardings", "due_at"), visible, ("validations", "refreshes")]


def test_save_writes_what_is_made_of_several_values_only_if_it_changed(repository, written):
    added = repository.add(an_onboarding(metadata={"a": "1", "b": "2"}, earlier_attempts=(NOW,)))
    with repository.locked(added.id) as row:
        row.save(replace(row.onboarding, earlier_attempts=(NOW, LATER[1]), validation=a_validation()))
    seen = ["current_validation", "earlier_attempts", "updated_at"]
    assert sorted(written) == [("onboardings", it) for it in seen]
    written.clear()
    with repository.locked(added.id) as row:
        row.save(replace(row.onboarding, metadata={"b": "2", "a": "1"}))
    assert written == [("onboardings", "metadata")]
    assert list(repository.get(added.id).metadata) == ["b", "a"]


def test_save_writes_whose_request_changed_it(repository, written):
    added = repository.add(an_onboarding(request_id="first"))
    for request_id, columns in (("first", []), ("second", [("onboardings", "request_id")])):
        with part_of_request(request_id), repository.locked(added.id) as row:
            row.save(row.onboarding)
        assert written == columns
    assert repository.get(added.id).request_id == "second"


def test_save_never_takes_the_fence_back(repository):
    added = repository.add(an_onboarding(fence=5))
    with repository.locked(added.id) as row:
        row.save(replace(added, fence=3))
    assert repository.get(added.id).fence == 5


def test_save_refuses_another_onboarding(repository):
    added = repository.add(an_onboarding())
    with pytest.raises(ValueError, match="locked"), repository.locked(added.id) as row:
        row.save(an_onboarding())


@pytest.mark.asvs("2.3.3")
def test_an_exception_rolls_everything_back(repository):
    added = repository.add(an_onboarding(validation=a_validation()))
    with pytest.raises(KeyError), repository.locked(added.id) as row:
        row.save(replace(added, failures=9, validation=replace(added.validation, sends=9)))
        raise KeyError
    assert repository.get(added.id) == added


def test_an_earlier_validation_is_kept_beside_the_current_one(repository, engine):
    added = repository.add(an_onboarding(validation=an_adopted_validation()))
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=a_validation(number=2)))
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT number FROM validations ORDER BY number")).all() == [1, 2]


def test_locked_by_validation_finds_every_adopted_attempt(repository):
    first, second = an_adopted_validation(), an_adopted_validation(number=2)
    added = repository.add(an_onboarding(validation=first))
    with repository.locked_by_validation(first.gu1_id) as row:
        row.save(replace(added, validation=second))
    with repository.locked_by_validation(second.gu1_id) as row:
        assert (row.onboarding.validation, row.other_attempt(second.gu1_id)) == (second, None)
    with repository.locked_by_validation(first.gu1_id) as row:
        assert (row.onboarding.validation, row.other_attempt(first.gu1_id)) == (second, first)
        row.save_other_attempt(replace(first, status=Status.REJECTED))
    assert repository.get(added.id).validation == second
    assert repository.other_attempts(added.id) == [replace(first, status=Status.REJECTED)]


def test_nonce_of_an_attempt_that_was_left_is_closed_even_if_gu1_never_answered(repository):
    first, second = an_adopted_validation(), a_validation(number=2)
    added = repository.add(an_onboarding(validation=first))
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=second))
    assert repository.closed_nonces(added.id) == {first.nonce}
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=first, attempts_opened=2))
    assert repository.closed_nonces(added.id) == {first.nonce, second.nonce}
    assert (repository.get(added.id).attempts, repository.other_attempts(added.id)) == (2, [])


def test_locked_by_an_unknown_validation_yields_none(repository):
    with repository.locked_by_validation("nobody's") as row:
        assert row is None


def test_one_gu1_id_cannot_belong_to_two(repository, caplog):
    repository.add(an_onboarding(validation=an_adopted_validation(gu1_id="taken-id")))
    with pytest.raises(StoreUnavailable) as caught:
        repository.add(an_onboarding(validation=an_adopted_validation(gu1_id="taken-id")))
    assert "UNIQUE" in caplog.text.upper()
    assert "taken-id" not in caplog.text + str(caught.value)


def test_ping_fails_without_the_tables(database_url):
    engine = make_engine(database_url)
    with pytest.raises(StoreUnavailable):
        Repository(engine, ColumnCipher(["key"])).ping()
    engine.dispose()


@pytest.mark.asvs("14.2.4")
def test_no_column_holds_the_details_or_the_link_in_plain_text(repository, engine):
    details = some_details(document_number="98765432", first_name="Xóchitl", last_name="Quetzal", email="x@quetzal.mx")
    repository.add(
        an_onboarding(details=details, validation=an_adopted_validation(session_url="https://hidden.example"))
    )
    with engine.connect() as connection:
        rows = [
            *connection.execute(text("SELECT * FROM onboardings")),
            *connection.execute(text("SELECT * FROM validations")),
        ]
    stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    for plain in ["98765432", "Xóchitl", "Quetzal", "quetzal.mx", "hidden.example"]:
        assert plain.encode() not in stored


@pytest.mark.asvs("14.2.4")
def test_sqlite_files_hold_no_plain_text(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    migrate(engine)
    added = Repository(engine, ColumnCipher(["key"])).add(a_full_onboarding())
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    engine.dispose()
    assert added.id.encode() in stored
    for plain in [added.details.document_number, added.details.last_name, added.validation.session_url]:
        assert plain.encode() not in stored


def test_rows_of_an_older_key_are_read_after_rotation(repository, engine):
    added = repository.add(a_full_onboarding())
    assert Repository(engine, ColumnCipher(["new", "a secret for tests"])).get(added.id) == added


def test_details_of_a_lost_key_are_store_unavailable(repository, engine):
    added = repository.add(an_onboarding())
    found = Repository(engine, ColumnCipher(["new"])).get(added.id)
    with pytest.raises(StoreUnavailable):
        _ = found.details.document_number


def test_an_onboarding_is_found_by_the_nonce_of_its_current_validation(repository):
    added = repository.add(an_onboarding(validation=a_validation(nonce="the-nonce")))
    with repository.locked_by_nonce("the-nonce") as row:
        assert row.onboarding == added
        row.save(replace(added, validation=a_validation(number=2)))
    with repository.locked_by_nonce("the-nonce") as row:
        assert row is None


def test_only_watched_onboardings_with_something_to_wait_for_are_counted(repository):
    looked_at = [repository.add(an_onboarding(due_at=due)) for due in (NOW, NOW, None)]
    repository.record_views([it.id for it in looked_at], [], NOW)
    repository.record_views([looked_at[0].id], [], NOW - timedelta(minutes=5))
    assert repository.count_watched(NOW - timedelta(minutes=1)) == 1


def test_views_are_recorded_at_once_and_hasten_those_who_came(repository):
    later, sooner = NOW + timedelta(minutes=5), NOW - timedelta(seconds=1)
    kept = {
        "stayed": an_onboarding(due_at=later),
        "came": an_onboarding(due_at=later),
        "due": an_onboarding(due_at=sooner),
        "failing": an_onboarding(due_at=later, failures=1),
        "over": an_onboarding(due_at=None),
        "shows when": an_onboarding(due_at=later, stall_reason=StallReason.HOSTED_PAGE_REFUSED),
    }
    ids = {name: repository.add(onboarding).id for name, onboarding in kept.items()}
    came = [found for name, found in ids.items() if name != "stayed"]
    assert repository.record_views(list(ids.values()), came, NOW) == [ids["shows when"]]
    found = {name: repository.get(onboarding_id) for name, onboarding_id in ids.items()}
    assert [name for name, it in found.items() if it.watched_at is None] == ["over"]
    assert {name: it.due_at for name, it in found.items()} == {
        name: NOW if name == "came" else it.due_at for name, it in kept.items()
    }
    assert all(it.updated_at == NOW for it in found.values())


def test_a_visible_change_never_keeps_the_time_that_polls_compare(repository):
    stored = repository.add(an_onboarding(validation=a_validation()))
    with repository.locked(stored.id) as row:
        row.save(replace(row.onboarding, stopped_at=NOW))
    stopped = repository.get(stored.id)
    with repository.locked(stored.id) as row:
        row.save(replace(row.onboarding, fence=9))
    assert stored.updated_at < stopped.updated_at == repository.get(stored.id).updated_at


def test_the_poll_state_is_of_the_stored_onboarding(repository):
    stored = repository.add(an_onboarding(partner="shop", validation=a_validation(), watched_at=NOW))
    assert repository.poll_state(stored.id) == tuple(getattr(stored, name) for name in PollState._fields)
    with pytest.raises(UnknownOnboarding):
        repository.poll_state("unknown")

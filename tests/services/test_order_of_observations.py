"""Generated histories of one validation, heard in any order and more than once."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.provider_hosts import ProviderHosts
from portal.domain.reasons import Reason
from portal.domain.renaper_patience import DEFAULT_PATIENCE
from portal.domain.status import FINAL, OVERTURNS, Status
from portal.domain.timings import Timings
from portal.domain.validation import DoubleCheck, Observation
from portal.services.apply_observation import ObservationApplier
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash
from portal.services.meter import NoMeter
from portal.services.refresh_plan import RefreshPlan
from portal.services.webhook_trust import NO_TRUST
from tests.factories import NOW, an_adopted_validation, an_onboarding
from tests.hypothesis_profiles import many

MINUTE = timedelta(minutes=1)
ON_THE_WAY = [Status.IN_PROGRESS, Status.ABANDONED, Status.IN_REVIEW, Status.UNKNOWN, Status.PENDING]


OBSERVER = ObservationApplier(
    clock=lambda: NOW + timedelta(hours=1),
    identity=IdentityComparison(KeyedHash(["key"], "number"), KeyedHash(["key"], "name")),
    provider_hosts=ProviderHosts(["verify.didit.me"]),
    meter=NoMeter(),
    refresh_plan=RefreshPlan(Timings(), NO_TRUST),
    renaper_patience=DEFAULT_PATIENCE,
)


def asked():
    return an_onboarding(
        validation=an_adopted_validation(gu1_id="gu1-1", double_check=DoubleCheck.UNANSWERED, expires_at=None)
    )


def a_row(moment, status, double_check=DoubleCheck.UNANSWERED):
    return Observation(
        gu1_id="gu1-1",
        status=status,
        session_url="https://verify.didit.me/session/1",
        session_id="session-1",
        double_check=double_check,
        reason=Reason.REGISTRY_CARD_OUTDATED if status is Status.REJECTED else None,
        updated_at=NOW + moment * MINUTE,
        expires_at=NOW + timedelta(days=7),
    )


@st.composite
def histories(draw, *, overturns=False):
    """As gu1 tells them: on the way for a while, then a verdict, which the registry may confirm or take back.

    With `overturns`, a reviewer or the monitoring of documents may change it any number of times.
    """
    way = draw(st.lists(st.sampled_from(ON_THE_WAY), max_size=4))
    verdict = draw(st.sampled_from([*sorted(FINAL), None]))
    ends = [verdict] if verdict else []
    if verdict is Status.APPROVED:
        ends += draw(st.sampled_from([[], [Status.APPROVED], [Status.REJECTED]]))
    while overturns and ends and draw(st.booleans()):
        ends.append(draw(st.sampled_from(sorted(OVERTURNS[ends[-1]]))))
    rows = [a_row(moment, status) for moment, status in enumerate([*way, *ends], start=1)]
    if len(ends) > 1:
        rows = [*rows[: len(way) + 1], *(replace(it, double_check=DoubleCheck.ANSWERED) for it in rows[len(way) + 1 :])]
    return rows


def heard(*news):
    onboarding = asked()
    for seen in news:
        onboarding = OBSERVER.apply_unrequested(onboarding, seen)
    return onboarding


def end_of(onboarding):
    history = {"was_in_review": False, "was_approved": False, "decided_by": None}
    validation = replace(onboarding.validation, nonce="", session_id="", refreshes=0, created_at=NOW, **history)
    return (replace(validation, session_url=None), onboarding.due_at is None, onboarding.stall_reason)


def in_any_order(told):
    return told.filter(len).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows + rows)))


shuffled, overturned = in_any_order(histories()), in_any_order(histories(overturns=True))


@many
@given(overturned)
def test_any_order_ends_where_the_newest_row_alone_does(histories):
    history, news = histories
    assert end_of(heard(*news)) == end_of(heard(history[-1]))


@many
@given(shuffled)
def test_who_decided_is_the_same_in_any_order(histories):
    history, news = histories
    assert heard(*news).validation.decided_by is heard(*history).validation.decided_by


@many
@given(shuffled)
def test_verdict_outlives_any_order_where_gu1_gives_no_times(histories):
    history, news = histories
    last = heard(*(replace(seen, updated_at=None) for seen in news)).validation
    expected = history[-1].status
    assert last.status is expected or not expected.is_final


@many
@given(shuffled, st.integers(0, 3))
def test_verdict_outlives_any_order_within_one_second(histories, moment):
    history, news = histories
    last = heard(*(replace(seen, updated_at=NOW + moment * MINUTE) for seen in news)).validation
    expected = history[-1].status
    assert last.status is expected or not expected.is_final


@many
@given(overturned)
def test_what_is_not_settled_is_always_looked_at_again(histories):
    _, news = histories
    onboarding = heard(*news)
    assert onboarding.validation.is_settled == (onboarding.due_at is None)
    assert onboarding.due_at is None or onboarding.due_at <= NOW + timedelta(hours=1)


@many
@given(overturned)
def test_hearing_it_all_again_changes_nothing(histories):
    _, news = histories
    onboarding = heard(*news)
    again = onboarding
    for seen in news:
        again = OBSERVER.apply_unrequested(again, seen)
    assert again == onboarding

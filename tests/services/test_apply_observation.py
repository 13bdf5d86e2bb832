from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.onboarding import StallReason
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.reasons import Reason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, IdentityMatch, Observation
from portal.services.webhook_handler import VerifiedWebhook
from tests.factories import NOW

FOREIGN = "https://evil.example/session"


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def rejected(report, reason=None):
    assert report(Status.REJECTED, reason=reason, double_check=DoubleCheck.ANSWERED)


def test_stored_address_is_given_and_the_handing_over_kept(prepared, onboardings, clock, counted):
    clock.advance(seconds=3)
    assert onboardings.open_hosted_page(prepared.id) == "https://verify.example.com/session/validation-1"
    assert onboardings.get(prepared.id).validation.opened_at == clock()
    clock.advance(seconds=3)
    assert onboardings.open_hosted_page(prepared.id)
    assert onboardings.get(prepared.id).validation.opened_at == NOW.replace(second=3)
    assert counted("hosted_pages_opened") == 1


def test_no_hosted_page_before_gu1_has_the_validation(start, onboardings):
    assert onboardings.open_hosted_page(start().id) is None


def test_no_hosted_page_after_the_verdict(prepared, report, onboardings):
    rejected(report)
    assert onboardings.open_hosted_page(prepared.id) is None


def test_an_address_of_a_foreign_host_is_never_stored(start, work, gu1, onboardings, caplog):
    gu1.session_url = FOREIGN
    started = start()
    work()
    kept = onboardings.get(started.id)
    assert (kept.validation.session_url, stage(kept)) == (None, Stage.DELAYED)
    assert onboardings.open_hosted_page(started.id) is None
    assert "GU1_PROVIDER_HOSTS" in caplog.text and FOREIGN not in caplog.text


def test_a_foreign_host_does_not_replace_a_good_address(prepared, report, onboardings):
    report(Status.PENDING, session_url=FOREIGN)
    kept = onboardings.get(prepared.id)
    assert kept.validation.session_url == prepared.validation.session_url
    assert kept.stall_reason is StallReason.HOSTED_PAGE_REFUSED


def test_a_host_that_is_no_longer_allowed_is_not_opened(prepared, onboardings):
    onboardings._provider_hosts = ProviderHosts([])
    assert onboardings.open_hosted_page(prepared.id) is None


def test_allowed_host_later_ends_the_trouble(start, work, gu1, report, onboardings):
    gu1.session_url = FOREIGN
    started = start()
    work()
    report(Status.PENDING, session_url="https://verify.example.com/1")
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_coming_back_makes_it_due_at_once(prepared, onboardings, clock):
    onboardings.open_hosted_page(prepared.id)
    clock.advance(seconds=1)
    assert onboardings.record_return("session-of-validation-1").id == prepared.id
    assert onboardings.get(prepared.id).due_at == clock()


def test_a_session_opens_the_way_back_for_a_day_only(prepared, onboardings, clock):
    assert onboardings.record_return("session-of-validation-1") is None
    onboardings.open_hosted_page(prepared.id)
    clock.advance(days=1, seconds=1)
    assert onboardings.record_return("session-of-validation-1") is None


def test_coming_back_from_an_unknown_session_is_nobody(prepared, onboardings):
    assert onboardings.record_return("session-of-somebody-else") is None
    assert onboardings.get(prepared.id) == prepared


def test_nothing_is_looked_up_after_the_verdict(prepared, report, onboardings):
    rejected(report)
    onboardings.request_refresh(prepared.id)
    assert onboardings.get(prepared.id).due_at is None


def test_approval_is_confirming_until_the_registry_answers(prepared, report, onboardings, clock):
    report(Status.APPROVED)
    confirming = onboardings.get(prepared.id)
    assert stage(confirming) is Stage.CONFIRMING and confirming.due_at > clock()
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    approved = onboardings.get(prepared.id)
    assert (stage(approved), approved.due_at) == (Stage.APPROVED, None)


def test_rejection_by_the_registry_replaces_the_approval(prepared, report, onboardings):
    report(Status.APPROVED)
    rejected(report, Reason.REGISTRY_CARD_OUTDATED)
    replaced = onboardings.get(prepared.id)
    assert (stage(replaced), replaced.validation.reason) == (Stage.REJECTED, Reason.REGISTRY_CARD_OUTDATED)
    assert replaced.due_at is None


def test_older_news_is_ignored_and_counted(prepared, report, gu1, onboardings, counted):
    old = replace(gu1.validations["validation-1"], status=Status.APPROVED)
    rejected(report)
    assert onboardings.observe(old)
    assert stage(onboardings.get(prepared.id)) is Stage.REJECTED
    assert counted("refused_status_changes") == 1


def test_an_unknown_word_keeps_it_waiting(prepared, report, onboardings, clock):
    report(Status.UNKNOWN)
    kept = onboardings.get(prepared.id)
    assert stage(kept) is Stage.WAITING and kept.due_at > clock()


def test_a_validation_that_nobody_asked_for_is_not_ours(prepared, onboardings):
    assert not onboardings.observe(Observation(gu1_id="validation-9", status=Status.APPROVED))
    assert onboardings.get(prepared.id) == prepared


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        ("30111222", (IdentityMatch.MATCH, Stage.APPROVED)),
        ("20301112229", (IdentityMatch.MATCH, Stage.APPROVED)),
        ("30111223", (IdentityMatch.MISMATCH, Stage.IN_REVIEW)),
        (None, (IdentityMatch.UNKNOWN, Stage.APPROVED)),
    ],
)
def test_the_document_must_be_the_one_typed(prepared, report, onboardings, verified, expected):
    onboardings.open_hosted_page(prepared.id)
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED, document_number=verified)
    seen = onboardings.get(prepared.id)
    assert (seen.validation.identity_match, stage(seen)) == expected
    assert seen.due_at is None, "only a person can settle what is held, and news of them comes by webhook"


def test_where_numbers_mean_different_things_nothing_is_compared(start, work, report, onboardings):
    started = start(country="BR", document_number="52998224725")
    work()
    onboardings.open_hosted_page(started.id)
    report(Status.APPROVED, document_number="MG1234567")
    assert stage(onboardings.get(started.id)) is Stage.APPROVED


def test_time_of_change_is_what_the_applicant_could_notice(prepared, report, onboardings, clock):
    report(Status.PENDING)
    assert onboardings.get(prepared.id).updated_at == prepared.updated_at
    report(Status.IN_PROGRESS)
    assert onboardings.get(prepared.id).updated_at == clock()


def test_webhook_with_the_whole_row_is_applied_once(prepared, gu1, clock, onboardings, webhooks):
    clock.advance(seconds=1)
    news = VerifiedWebhook("validation-1", gu1.becomes("validation-1", Status.IN_REVIEW))
    assert [webhooks.handle(news, b"body") for _ in range(2)] == ["applied", "repeated"]
    assert stage(onboardings.get(prepared.id)) is Stage.IN_REVIEW


def test_short_webhook_has_gu1_looked_up_at_once(prepared, onboardings, clock, webhooks):
    clock.advance(seconds=1)
    assert webhooks.handle(VerifiedWebhook("validation-1"), b"short") == "looked_up"
    assert onboardings.get(prepared.id).due_at == clock()


@pytest.mark.parametrize(
    ("news", "outcome"),
    [
        (VerifiedWebhook("validation-9"), "not_ours"),
        (VerifiedWebhook("validation-9", Observation(gu1_id="validation-9", status=Status.APPROVED)), "not_ours"),
        (VerifiedWebhook(), "ignored"),
    ],
)
def test_news_about_others_changes_nothing(prepared, onboardings, news, outcome, webhooks):
    assert webhooks.handle(news, b"body") == outcome
    assert onboardings.get(prepared.id) == prepared
    assert webhooks.handle(news, b"body") == "repeated"


def test_webhook_that_could_not_be_applied_is_not_remembered(prepared, onboardings, gu1, webhooks):
    broken = VerifiedWebhook(
        "validation-1", replace(gu1.validations["validation-1"], updated_at=NOW.replace(tzinfo=None))
    )
    with pytest.raises(Exception, match="offset-naive"):
        webhooks.handle(broken, b"body")
    assert webhooks.handle(VerifiedWebhook("validation-1"), b"body") == "looked_up"


@pytest.mark.parametrize("session_url", [None, "https://verify.example.com/session/{}"])
def test_sandbox_verdicts_of_what_nobody_opened_are_not_held(begin, gu1, report, onboardings, session_url):
    """gu1's sandbox invents a document, and sometimes a session."""
    gu1.session_url = session_url
    started = begin()
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED, document_number="99")
    approved = onboardings.get(started.id)
    assert (stage(approved), approved.validation.identity_match) == (Stage.APPROVED, IdentityMatch.UNKNOWN)


def test_time_that_is_still_to_come_makes_no_later_news_old(prepared, report, clock, onboardings):
    report(Status.IN_PROGRESS)
    onboardings.observe(
        Observation(
            gu1_id="validation-1",
            status=Status.IN_PROGRESS,
            session_id="session-of-validation-1",
            updated_at=clock() + timedelta(hours=3),
        )
    )
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    assert stage(onboardings.get(prepared.id)) is Stage.APPROVED


@pytest.fixture
def without_a_page(gu1, begin):
    gu1.session_url = None
    return begin()


def test_validation_without_a_hosted_page_is_told_as_a_delay(without_a_page, gu1, pass_time, onboardings, counted):
    pass_time(60, stride=5)
    assert stage(onboardings.get(without_a_page.id)) is Stage.WAITING
    pass_time(300, stride=30)
    assert stage(onboardings.get(without_a_page.id)) is Stage.DELAYED
    assert counted("no_hosted_page")
    gu1.becomes("validation-1", Status.PENDING, session_url="https://verify.example.com/session/late")
    pass_time(3600, stride=300)
    assert stage(onboardings.get(without_a_page.id)) is Stage.READY


def test_approval_that_the_registry_does_not_confirm_alarms_after_a_day(prepared, report, pass_time, counted):
    report(Status.APPROVED, double_check=DoubleCheck.UNANSWERED)
    pass_time(23 * 3600, stride=3600)
    assert not counted("unconfirmed")
    pass_time(3 * 3600, stride=3600)
    assert counted("unconfirmed")

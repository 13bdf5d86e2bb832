from portal.domain.status import Status
from portal.domain.validation import CreationState
from tests.factories import NOW, a_validation, an_onboarding


def test_customer_verified_before_is_approved_whatever_else_there_is():
    assert an_onboarding(validation=None, verified_before_at=NOW).status is Status.APPROVED


def test_onboarding_without_a_validation_stands_at_the_beginning():
    assert (an_onboarding(validation=None).attempts, an_onboarding().status) == (0, Status.PENDING)
    assert an_onboarding(validation=a_validation(number=2, creation_state=CreationState.SENT)).attempts == 2

from portal.domain.reasons import REMEDIES, Reason, Remedy


def test_every_reason_has_a_remedy():
    assert set(REMEDIES) == set(Reason)


def test_outdated_card_is_worth_trying_again_at_once():
    assert REMEDIES[Reason.REGISTRY_CARD_OUTDATED] is Remedy.RETRY_NOW


def test_silent_registry_is_worth_trying_again_later():
    assert [reason for reason in Reason if REMEDIES[reason] is Remedy.RETRY_LATER] == [Reason.REGISTRY_UNAVAILABLE]


def test_what_trying_again_cannot_mend_needs_a_person():
    contact = {reason for reason in Reason if REMEDIES[reason] is Remedy.CONTACT}
    assert contact == {Reason.REGISTRY_DOCUMENT_MISMATCH, Reason.UNDERAGE, Reason.NOT_ELIGIBLE}

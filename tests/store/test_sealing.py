import pytest

from portal.domain.errors import StoreUnavailable
from portal.store.sealing import Sealer, Unsealable


def test_opens_what_it_sealed():
    sealer = Sealer(["one"])
    assert sealer.open(sealer.seal("Núñez")) == "Núñez"


def test_hides_the_text_and_never_repeats_itself():
    sealer = Sealer(["one"])
    first, second = sealer.seal("Ana"), sealer.seal("Ana")
    assert first != second
    assert b"Ana" not in first


def test_first_key_seals_and_older_keys_still_open():
    sealed_before = Sealer(["old"]).seal("Ana")
    rotated = Sealer(["new", "old"])
    assert rotated.open(sealed_before) == "Ana"
    assert Sealer(["new"]).open(rotated.seal("Ana")) == "Ana"


def test_a_lost_key_is_a_clear_error_without_secrets():
    sealed = Sealer(["lost secret"]).seal("Ana")
    with pytest.raises(Unsealable) as caught:
        Sealer(["another secret"]).open(sealed)
    assert isinstance(caught.value, StoreUnavailable)
    assert "secret key" in str(caught.value)
    assert "another secret" not in str(caught.value)


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_refuses_missing_and_empty_keys(keys):
    with pytest.raises(ValueError, match="key"):
        Sealer(keys)

import pytest

from portal.domain.errors import StoreUnavailable
from portal.store.encryption import ColumnCipher, UndecryptableValue


def test_opens_what_it_sealed():
    cipher = ColumnCipher(["one"])
    assert cipher.decrypt(cipher.encrypt("Núñez")) == "Núñez"


@pytest.mark.asvs("11.3.1")
def test_hides_the_text_and_never_repeats_itself():
    cipher = ColumnCipher(["one"])
    text = "Ana, too long to be there by chance"
    first, second = cipher.encrypt(text), cipher.encrypt(text)
    assert first != second
    assert text.encode() not in first


@pytest.mark.asvs("11.3.3")
def test_what_was_changed_does_not_open():
    cipher = ColumnCipher(["one"])
    encrypted = cipher.encrypt("Ana")
    for place in range(len(encrypted)):
        changed = bytes([*encrypted[:place], encrypted[place] ^ 1, *encrypted[place + 1 :]])
        with pytest.raises(UndecryptableValue):
            cipher.decrypt(changed)


def test_first_key_seals_and_older_keys_still_open():
    sealed_before = ColumnCipher(["old"]).encrypt("Ana")
    rotated = ColumnCipher(["new", "old"])
    assert rotated.decrypt(sealed_before) == "Ana"
    assert ColumnCipher(["new"]).decrypt(rotated.encrypt("Ana")) == "Ana"


def test_a_lost_key_is_a_clear_error_without_secrets():
    encrypted = ColumnCipher(["lost secret"]).encrypt("Ana")
    with pytest.raises(UndecryptableValue) as caught:
        ColumnCipher(["another secret"]).decrypt(encrypted)
    assert isinstance(caught.value, StoreUnavailable)
    assert "secret key" in str(caught.value)
    assert "another secret" not in str(caught.value)


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_refuses_missing_and_empty_keys(keys):
    with pytest.raises(ValueError, match="key"):
        ColumnCipher(keys)

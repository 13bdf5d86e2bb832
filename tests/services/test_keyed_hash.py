from portal.services.keyed_hash import KeyedHash

OLD, NEW = "o" * 32, "n" * 32


def test_the_same_text_has_the_same_digest_and_it_says_nothing_of_the_text():
    keyed_hash = KeyedHash([NEW], "numbers")
    assert keyed_hash.digest("30111222") == keyed_hash.digest("30111222")
    assert "30111222" not in keyed_hash.digest("30111222")
    assert keyed_hash.matches("30111222", keyed_hash.digest("30111222"))


def test_other_texts_keys_and_purposes_do_not_match():
    digest = KeyedHash([NEW], "numbers").digest("30111222")
    assert not KeyedHash([NEW], "numbers").matches("30111223", digest)
    assert not KeyedHash([OLD], "numbers").matches("30111222", digest)
    assert not KeyedHash([NEW], "names").matches("30111222", digest)


def test_digests_outlive_a_change_of_keys():
    before = KeyedHash([OLD], "numbers").digest("30111222")
    rotated = KeyedHash([NEW, OLD], "numbers")
    assert rotated.matches("30111222", before)
    assert rotated.digest("30111222") == KeyedHash([NEW], "numbers").digest("30111222")


def test_any_text_can_be_digested():
    keyed_hash = KeyedHash([NEW], "numbers")
    assert keyed_hash.matches("ñandú \U0001f600 \x00", keyed_hash.digest("ñandú \U0001f600 \x00"))

from portal.services.digests import Digests

OLD, NEW = "o" * 32, "n" * 32


def test_the_same_text_has_the_same_digest_and_it_says_nothing_of_the_text():
    digests = Digests([NEW], "numbers")
    assert digests.digest("30111222") == digests.digest("30111222")
    assert "30111222" not in digests.digest("30111222")
    assert digests.matches("30111222", digests.digest("30111222"))


def test_other_texts_keys_and_purposes_do_not_match():
    digest = Digests([NEW], "numbers").digest("30111222")
    assert not Digests([NEW], "numbers").matches("30111223", digest)
    assert not Digests([OLD], "numbers").matches("30111222", digest)
    assert not Digests([NEW], "names").matches("30111222", digest)


def test_digests_outlive_a_change_of_keys():
    before = Digests([OLD], "numbers").digest("30111222")
    rotated = Digests([NEW, OLD], "numbers")
    assert rotated.matches("30111222", before)
    assert rotated.digest("30111222") == Digests([NEW], "numbers").digest("30111222")


def test_any_text_can_be_digested():
    digests = Digests([NEW], "numbers")
    assert digests.matches("ñandú \U0001f600 \x00", digests.digest("ñandú \U0001f600 \x00"))

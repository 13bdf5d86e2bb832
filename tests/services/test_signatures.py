"""Against the specification's own example, and against HMAC computed another way."""

import base64
import hashlib
import hmac

from portal.partners.registry import new_signing_secret, secret_bytes
from portal.services.signatures import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(*secrets, body=BODY):
    return signed_headers(EVENT, AT, body, [secret_bytes(secret) for secret in secrets])


def test_the_standards_own_example_is_signed_as_there():
    assert headers(SECRET) == {
        "webhook-id": EVENT,
        "webhook-timestamp": str(AT),
        "webhook-signature": SIGNATURE,
    }


def test_each_active_secret_signs_for_itself():
    another = new_signing_secret()
    key = base64.b64decode(another.removeprefix("whsec_"))
    expected = hmac.new(key, b"%s.%d.%s" % (EVENT.encode(), AT, BODY), hashlib.sha256).digest()
    signed = headers(SECRET, another)["webhook-signature"]
    assert signed.split(" ") == [SIGNATURE, "v1," + base64.b64encode(expected).decode()]


def test_another_body_has_another_signature():
    assert headers(SECRET, body=BODY + b" ")["webhook-signature"] != SIGNATURE

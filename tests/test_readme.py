"""What partners are told to do with a notification does what it says."""

import subprocess
import time

import pytest

from portal.domain.timings import Timings
from portal.partners.registry import new_signing_secret, secret_bytes
from portal.services.signatures import signed_headers
from tests.readme import README, documented_check, snippet

BODY = '{"type":"onboarding.updated","data":{"external_id":"ñandú"}}\n'.encode()
OLD, NEW, OTHERS = (new_signing_secret() for _ in range(3))


def headers(*secrets, at=None):
    return signed_headers("evt_1", int(time.time() if at is None else at), BODY, [*map(secret_bytes, secrets)])


def test_documented_check_takes_ours_during_a_rotation_too():
    is_ours = documented_check()
    assert is_ours(headers(NEW), BODY, [NEW])
    assert is_ours(headers(NEW, OLD), BODY, [OLD])
    assert is_ours(headers(OLD), BODY, [NEW, OLD])


@pytest.mark.parametrize(
    ("signed", "body", "secrets"),
    [
        (headers(OTHERS), BODY, [NEW]),
        (headers(NEW), BODY + b" ", [NEW]),
        (headers(NEW) | {"webhook-id": "evt_2"}, BODY, [NEW]),
        (headers(NEW) | {"webhook-signature": "v1,"}, BODY, [NEW]),
        (headers(NEW, at=time.time() - 3600), BODY, [NEW]),
        (headers(NEW), BODY, []),
    ],
    ids=["other secret", "other body", "other id", "no signature", "too old", "no secret"],
)
def test_documented_check_refuses_everything_else(signed, body, secrets):
    assert not documented_check()(signed, body, secrets)


@pytest.mark.parametrize("secret", [NEW, "whsec_" + "AAAA" * 8], ids=["made", "of zeros"])
def test_documented_openssl_makes_the_same_signature(tmp_path, secret):
    (tmp_path / "body.json").write_bytes(BODY)
    sent = headers(secret)
    made = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", snippet("### Notifications", "sh")],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "SECRET": secret,
            "WEBHOOK_ID": sent["webhook-id"],
            "WEBHOOK_TIMESTAMP": sent["webhook-timestamp"],
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"v1,{made.stdout.strip()}" == sent["webhook-signature"]


def test_documented_number_of_tries_is_the_real_one():
    tries = len(Timings().notification_backoffs) + 1
    assert f"{tries} tries in about {round(sum(Timings().notification_backoffs) / 86400)} days" in README.read_text()

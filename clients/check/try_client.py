"""The packed Python client: `python try_client.py PORTAL KEY SECRET`."""

import base64
import hmac
import json
import sys
import time

from kyc_onboarding import KycPortal, PortalError
from standardwebhooks import WebhookVerificationError

url, key, secret = sys.argv[1:]
portal = KycPortal(url, key, [secret])
started = portal.create("customer-of-python", idempotency_key="order-1")
assert portal.create("customer-of-python", idempotency_key="order-1") == started
assert portal.read(started["id"])["stage"] == "details"
try:
    portal.create("")
except PortalError as error:
    assert (error.status, error.code) == (422, "invalid_fields")

query = f"order=1&onboarding_id={started['id']}&status=approved&t={int(time.time())}"
signature = hmac.digest(secret.encode(), query.encode(), "sha256").hex()
back = portal.returned(f"/done?{query}&signature={signature}")
assert back and back["onboarding_id"] == started["id"]
own = f"next=/a?b&signature=theirs&{query}"
right = hmac.digest(secret.encode(), own.encode(), "sha256").hex()
for url in (f"https://shop.example/done?{own}", f"/done?{own}", own):
    assert portal.returned(f"{url}&signature={right}")
assert portal.returned(f"/done?{query}0&signature={signature}") is None

body, at = json.dumps({"type": "onboarding.updated", "data": {"sequence": 1}}).encode(), str(int(time.time()))
signed = f"evt_1.{at}.".encode() + body
right = base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")).decode()
headers = {"Webhook-Id": "evt_1", "Webhook-Timestamp": at, "Webhook-Signature": f"v1,{right}"}
assert portal.notification(body, headers)["data"]["sequence"] == 1
try:
    portal.notification(body + b" ", headers)
except WebhookVerificationError:
    sys.stdout.write("Python: created, repeated, read, errors by code, notification and way back verified\n")
else:
    sys.exit("a forged notification was taken")

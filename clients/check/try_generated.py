"""The journey of docs/partners.md with the client that openapi-python-client makes: `try_generated.py PORTAL KEY`."""

import sys
from itertools import chain

from kyc_portal_api import AuthenticatedClient
from kyc_portal_api.api.notifications import list_events
from kyc_portal_api.api.onboardings import (
    cancel_onboarding,
    change_onboarding,
    create_onboarding,
    erase_onboarding,
    list_onboardings,
    read_onboarding,
    replace_link,
)
from kyc_portal_api.models import (
    ChangeRequest,
    LinkRequest,
    OnboardingRequest,
    Refusal,
    Started,
    Summary,
)

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)
asked = OnboardingRequest(external_id="customer-of-generated", purpose="credit", state="cart-55")

started = create_onboarding.sync(client=client, body=asked, idempotency_key="order-1001")
assert isinstance(started, Started)
repeated = create_onboarding.sync_detailed(client=client, body=asked, idempotency_key="order-1001")
assert (repeated.status_code, repeated.parsed) == (201, started)
refused = create_onboarding.sync(client=client, body=OnboardingRequest(external_id=""))
assert isinstance(refused, Refusal) and refused.code == "invalid_fields"

found = read_onboarding.sync(started.id, client=client)
assert isinstance(found, Summary)
assert (found.status, found.stage, found.is_final, found.purpose) == ("pending", "details", False, "credit")
page = list_onboardings.sync(client=client, external_id="customer-of-generated", purpose="credit")
assert [it.id for it in page.onboardings] == [started.id]
changed = change_onboarding.sync(started.id, client=client, body=ChangeRequest(state="cart-56"))
assert (changed.state, changed.purpose) == ("cart-56", "credit")
assert list_events.sync(started.id, client=client).events[0].action == "created"
link = replace_link.sync(started.id, client=client, body=LinkRequest(ttl_seconds=600))
assert link.url != started.url
assert cancel_onboarding.sync(started.id, client=client).status == "cancelled"
assert erase_onboarding.sync(started.id, client=client).id == started.id
assert read_onboarding.sync_detailed(started.id, client=client).status_code == 404

later = found.to_dict() | dict.fromkeys(("status", "stage", "reason", "decided_by"), "of_a_later_release") | {"more": 1}
read_later = Summary.from_dict(later)
words = chain((read_later.status, read_later.stage), (read_later.reason, read_later.decided_by))
assert set(words) == {"of_a_later_release"} and read_later.to_dict() == later
sys.stdout.write("Generated Python: created, read, listed, changed, cancelled, erased; lives with unknown words\n")

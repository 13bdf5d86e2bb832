"""A client for the mock's own tests; the key sets are those of gu1's newest documentation."""

import json
from datetime import UTC, datetime

from e2e.mock_gu1 import DEFAULT_API_KEY, create_mock

SECRET = "whsec"
AUTHORIZED = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
CODE = "global_gueno_validation_kyc"
START = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)


def keys(text):
    return set(text.split())


ENTITY_CREATED = keys(
    "id externalId organizationId type name taxId countryCode riskScore status entityData attributes"
    " createdAt updatedAt"
)
ENTITY_READ = ENTITY_CREATED | keys(
    "nationality riskFactors kycVerified kycProvider kycData currentEvaluation deletedAt"
)
VALIDATION_CREATED = keys(
    "id entityId organizationId sessionId status provider providerSessionUrl isCurrent metadata createdAt updatedAt"
)
VALIDATION_READ = (VALIDATION_CREATED - {"sessionId"}) | keys(
    "validationSessionId decision documentsVerified biometricResult riskAssessment verifiedFields extractedData"
    " warnings expiresAt verifiedAt"
)
DECISION_DECLINED = keys(
    "status workflow_type session_id session_number features images id_verification id_verifications liveness"
    " liveness_checks face_match face_matches"
)
DECISION_APPROVED = DECISION_DECLINED | {"aml_screening", "aml_screenings", "ip_analysis", "ip_analyses"}


class MockClient:
    """One mock with a stopped clock, delayed work that the test runs itself, and a webhook receiver."""

    def __init__(self, **options):
        self.time = START
        self.waiting = []
        self.received = []
        self.answers = []
        self.app = create_mock(
            webhook_url="http://portal/webhooks/gu1",
            webhook_secret=SECRET,
            now=lambda: self.time,
            later=lambda seconds, action: self.waiting.append((seconds, action)),
            deliver=self._deliver,
            pauses=(0, 0),
            **options,
        )
        self.client = self.app.test_client()

    def reset(self):
        """Restores the initial state; creating a new app takes longer than a test."""
        self.events()
        self.told("reset")
        self.time = START
        for kept in (self.waiting, self.received, self.answers):
            kept.clear()

    def _deliver(self, url, body, headers):
        self.received.append((body, headers))
        return self.answers.pop(0) if self.answers else 200

    def get(self, path, **query):
        return self.client.get(path, headers=AUTHORIZED, query_string=query)

    def post(self, path, **body):
        return self.client.post(path, headers=AUTHORIZED, json=body)

    def call(self, method, path, **body):
        return self.client.open(path, method=method, headers=AUTHORIZED, json=body)

    def told(self, path, **body):
        """Posts to one of the mock's own switches."""
        return self.client.post(f"/_mock/{path}", json=body)

    def cancel(self, validation, reason="no longer needed"):
        path = f"/api/kyc/validations/{validation['id']}/cancel"
        return self.client.delete(path, headers=AUTHORIZED, json={"reason": reason})

    def entity(self, tax_id="20123456", **more):
        body = {"type": "person", "name": "Ana Gómez", "taxId": tax_id, "countryCode": "AR"} | more
        return self.post("/api/entities", **body).json["entity"]

    def validation(self, entity, **more):
        body = {"entityId": entity["id"], "integrationCode": CODE, "doubleCheckRenaper": True} | more
        return self.post("/api/kyc/validations", **body).json

    def read(self, validation):
        return self.get(f"/api/kyc/validations/{validation['id']}").json

    def run_next(self):
        """Runs the oldest delayed work; returns its delay in seconds."""
        seconds, action = self.waiting.pop(0)
        action()
        return seconds

    def settled(self, tax_id, **more):
        """The first validation of a new entity, after its whole automatic scenario."""
        validation = self.validation(self.entity(tax_id), **more)
        while self.waiting:
            self.run_next()
        return self.read(validation)

    def choose(self, validation, outcome):
        return self.client.post(f"/session/{validation['sessionId']}/outcome", data={"outcome": outcome})

    def events(self):
        self.app.extensions["mock_gu1"].webhooks.flush()
        return [json.loads(body) for body, _ in self.received]

"""What OpenAPI says of the partners' door is true, whatever is sent to it and in whatever order."""

from threading import Thread

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from werkzeug.serving import make_server

from tests.hypothesis_profiles import many
from tests.partners import KEYS, partners_file

SETTINGS = {
    "auth": {"openapi": {"bearer": {"bearer": KEYS["shop"]}}},
    "generation": {"max-examples": many.max_examples // 20, "deterministic": many.derandomize, "database": "none"},
    # Registered addresses, check digits and printable characters are more than a JSON schema can say.
    "checks": {"positive_data_acceptance": {"enabled": False}},
}


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def served(app):
    """Over HTTP, because schemathesis cannot run sequences without it."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def events(served):
    """Examples, coverage, generated requests and sequences of them."""
    settings = SchemathesisConfig.from_dict(SETTINGS | {"base-url": served})
    described = schemathesis.openapi.from_url(f"{served}/api/v1/openapi.json", config=settings)
    return list(from_schema(described).execute())


def faults(recorder):
    checks = [check for found in recorder.checks.values() for check in found]
    return [str(check.failure_info.failure) for check in checks if check.failure_info]


@pytest.mark.long
@pytest.mark.asvs("15.3.1")
def test_every_answer_is_as_described(events):
    recorders = [event.recorder for event in events if isinstance(event, ScenarioFinished)]
    assert [str(event.value) for event in events if isinstance(event, NonFatalError)] == []
    assert [fault for recorder in recorders for fault in faults(recorder)] == []
    sent = [it for recorder in recorders for it in recorder.interactions.values() if it.response]
    answers = {(it.request.method, it.response.status_code) for it in sent}
    assert {("POST", 201), ("POST", 200), ("POST", 422), ("GET", 200), ("GET", 404), ("DELETE", 200)} <= answers

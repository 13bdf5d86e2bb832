"""The provider's hosted page: the person chooses the outcome instead of showing document and face."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.outcomes import OFFERED, offered
from e2e.mock_gu1.rows import Validation

hosted = Blueprint("hosted", __name__)

# The provider's status words for the return URL; other outcomes do not return.
RETURN_WORDS = {"approved": "Approved", "rejected": "Declined", "in_review": "In Review"}


@hosted.get("/session/<session_id>")
def show(session_id: str) -> ResponseReturnValue:
    mock = current_mock()
    validation = mock.state.by_session(session_id)
    if validation is None:
        return render_template("message.html", title="There is no such session"), 404
    opened = mock.lifecycle.open(validation.id)
    if opened is None:
        return _over(validation)
    return render_template(
        "session.html",
        validation=opened,
        entity=mock.state.entity(opened.entity_id),
        planned=opened.planned,
        groups=OFFERED,
        asks_camera=mock.settings.asks_camera,
    )


@hosted.post("/session/<session_id>/outcome")
def choose(session_id: str) -> ResponseReturnValue:
    mock = current_mock()
    validation = mock.state.by_session(session_id)
    outcome = offered(request.form.get("outcome", ""))
    if validation is None:
        return render_template("message.html", title="There is no such session"), 404
    if outcome is None:
        return render_template("message.html", title="There is no such outcome"), 400
    finished = mock.lifecycle.finish(validation.id, outcome)
    if finished is None:
        return _over(validation)
    word = RETURN_WORDS.get(outcome.status)
    if mock.settings.return_url and word:
        return redirect(_way_back(mock.settings.return_url, session_id, word), 303)
    return render_template("message.html", title="You can close this page", validation=finished)


def _over(validation: Validation) -> ResponseReturnValue:
    return render_template("message.html", title="This session is over", validation=validation)


def _way_back(return_url: str, session_id: str, word: str) -> str:
    joint = "&" if "?" in return_url else "?"
    return return_url + joint + urlencode({"verificationSessionId": session_id, "status": word})

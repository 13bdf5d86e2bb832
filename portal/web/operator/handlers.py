"""Find, read and act: each page answers by itself, without scripts."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.errors import ActionRefused, Gu1Error, StoreUnavailable, UnknownOnboarding
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.services.onboarding_facts import facts_of, formatted, line_facts, problem_facts
from portal.services.operator_actions import REASONS, Operator
from portal.services.problems import Problem
from portal.web.operator.operator_services import operator_services

operator_pages = Blueprint("operator", __name__)

LIMIT = 100
_LONGEST_NAME, _LONGEST_NOTE = 100, 500
_SOON = {"Retry-After": "5"}
_PLOTTED = (Stage.PREPARING, Stage.READY, Stage.WAITING, Stage.APPROVED, Stage.REJECTED, Stage.IN_REVIEW)
ACTIONS: dict[str, str] = {
    "sync": "Has gu1 ask its provider, free of charge, and applies the answer.",
    "resume": "Takes the next step now, without the wait after a failure.",
    "release": "Lets a held approval count.",
    "reject": "Rejects what is approved, held or in review. No later word of gu1 turns it back.",
    "cancel": "Cancels here and at gu1. Nothing undoes it.",
    "allow-attempt": "Allows one more attempt, whatever the limit and the last reason say.",
    "erase": "Erases the person's data here. gu1 keeps its own: erase the ids below there.",
}
"""As the commands of the same names."""
FOR_GOOD = {"cancel", "erase"}
"""Nothing undoes them, so one press is not enough."""


@operator_pages.before_request
def refuse_nul() -> None:
    """No name and no id has one, and PostgreSQL takes none."""
    given = (*(request.view_args or {}).values(), *request.args.values(), *request.form.values())
    if any("\0" in it for it in given):
        abort(404)


@operator_pages.get("/")
def overview() -> str:
    now = operator_services().clock()
    by_day = operator_services().stages_by_day(now)
    plots = [(stage.value, by_day.get(stage.value, [])) for stage in _PLOTTED]
    return render_template(
        "operator/overview.html", now=formatted(now), figures=operator_services().figures(now), plots=plots
    )


@operator_pages.get("/find")
def find() -> ResponseReturnValue:
    name = request.args.get("name", "").strip()
    found = operator_services().actions.find(name) if name else []
    if len(found) == 1:
        return redirect(url_for("operator.show", onboarding_id=found[0].id), 303)
    lines = [line_facts(it, operator_services().actions.stage_of(it)) for it in found[:LIMIT]]
    return render_template("operator/found.html", name=name, lines=lines)


@operator_pages.get("/onboardings/<onboarding_id>")
def show(onboarding_id: str) -> ResponseReturnValue:
    return _page(onboarding_id)


@operator_pages.post("/onboardings/<onboarding_id>/<action>")
def act(onboarding_id: str, action: str) -> ResponseReturnValue:
    if action not in ACTIONS:
        abort(404)
    by, note = (request.form.get(name, "").strip() for name in ("by", "note"))
    if not (_fits(by, _LONGEST_NAME) and _fits(note, _LONGEST_NOTE)):
        problem = (
            f"Nothing was changed: give your name (up to {_LONGEST_NAME} letters) and why (up to {_LONGEST_NOTE})."
        )
        return _page(onboarding_id, problem=problem, status=400)
    if action == "reject" and request.form.get("reason") not in {it.value for it in REASONS}:
        return _page(onboarding_id, problem="Nothing was changed: choose a reason.", status=400)
    if action in FOR_GOOD and request.form.get(f"sure_to_{action}") != action:
        problem = f"Nothing was changed: nothing undoes {action}, so tick the box beside it first."
        return _page(onboarding_id, problem=problem, status=400)
    try:
        _act(onboarding_id, action, Operator(by, note))
    except ActionRefused as refused:
        return _page(onboarding_id, problem=f"Nothing was changed: {refused}.", status=409)
    except Gu1Error as error:
        told = f"Nothing was changed: gu1: {error or type(error).__name__}."
        return _page(onboarding_id, problem=told, status=502)
    return redirect(url_for("operator.show", onboarding_id=onboarding_id, done=action), 303)


def _act(onboarding_id: str, action: str, operator: Operator) -> None:
    actions = operator_services().actions
    simple: dict[str, Callable[[str, Operator], object]] = {
        "sync": operator_services().sync,
        "resume": actions.resume,
        "release": actions.release,
        "cancel": actions.cancel,
        "allow-attempt": actions.allow_attempt,
        "erase": actions.erase,
    }
    if action == "reject":
        actions.reject(onboarding_id, operator, Reason(request.form["reason"]))
    else:
        simple[action](onboarding_id, operator)


@operator_pages.get("/problems/<problem>")
def problems(problem: str) -> str:
    if problem not in set(Problem):
        abort(404)
    rows = operator_services().actions.list_problems(Problem(problem), limit=LIMIT)
    return render_template("operator/problems.html", problem=problem, lines=map(problem_facts, rows))


@operator_pages.get("/deliveries")
def deliveries() -> str:
    partner = request.args.get("partner", "").strip() or None
    events = operator_services().outbox.list_events(partner, undelivered_only="all" not in request.args, limit=LIMIT)
    is_sent = "done" in request.args
    return render_template(
        "operator/deliveries.html", partner=partner, events=events, formatted=formatted, is_sent=is_sent
    )


@operator_pages.post("/deliveries")
def resend() -> ResponseReturnValue:
    event_id = request.form.get("event", "")
    if not operator_services().outbox.resend([event_id], operator_services().clock()):
        abort(404)
    return redirect(url_for("operator.deliveries", partner=request.form.get("partner") or None, done=event_id), 303)


@operator_pages.app_errorhandler(UnknownOnboarding)
def unknown(_error: UnknownOnboarding) -> ResponseReturnValue:
    return render_template("operator/found.html", name="", lines=[]), 404


@operator_pages.app_errorhandler(StoreUnavailable)
def no_database(_error: StoreUnavailable) -> ResponseReturnValue:
    return Response("The database does not answer. Try again in a moment.\n", 503, _SOON, mimetype="text/plain")


def _page(onboarding_id: str, problem: str | None = None, status: int = 200) -> ResponseReturnValue:
    found = operator_services().actions.show(onboarding_id)
    facts = facts_of(found)
    given = request.authorization
    page = render_template(
        "operator/onboarding.html",
        facts={name: value for name, value in facts.items() if name not in {"attempts", "history"}},
        attempts=facts["attempts"],
        history=facts["history"],
        actions=ACTIONS,
        for_good=FOR_GOOD,
        reasons=[it.value for it in REASONS],
        by=request.form.get("by") or (given.username if given else None) or "",
        note=request.form.get("note", ""),
        problem=problem,
        done=request.args.get("done") if request.args.get("done") in ACTIONS else None,
    )
    return Response(page, status, mimetype="text/html")


def _fits(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()

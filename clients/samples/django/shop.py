"""A shop's backend on Django, in one file: `PORTAL=… KEY=… SECRET=… python shop.py runserver 8100 --noreload`."""

import hmac
import os
import sys
import time
from urllib.parse import parse_qs

import httpx
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = os.environ["SECRET"]
SHOP = os.environ.get("SHOP", "http://127.0.0.1:8100")
portal = httpx.Client(base_url=os.environ["PORTAL"], headers={"Authorization": f"Bearer {os.environ['KEY']}"})
newest = {}  # onboarding → what was last heard of it; a table of your database

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.urandom(32).hex(),
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
)


@require_GET
def start(_request, customer):
    body = {"external_id": customer, "return_url": f"{SHOP}/done"}
    started = portal.post("/api/v1/onboardings", json=body).raise_for_status().json()
    return HttpResponseRedirect(started["url"])


@require_GET
def done(request):
    signed, _, signature = request.META["QUERY_STRING"].rpartition("&signature=")
    right = hmac.digest(SECRET.encode(), signed.encode(), "sha256").hex()
    given = {name: values[0] for name, values in parse_qs(signed).items()}
    if not hmac.compare_digest(signature.encode(), right.encode()) or abs(time.time() - int(given["t"])) > 300:
        return HttpResponseBadRequest()
    found = portal.get(f"/api/v1/onboardings/{given['onboarding_id']}").raise_for_status().json()  # the truth
    return JsonResponse({"external_id": found["external_id"], "status": found["status"]})


@csrf_exempt  # the portal has no cookie of yours: its signature proves who sends; exempt no other view
@require_POST
def hooks(request):
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        data = Webhook(SECRET).verify(request.body, headers)["data"]
    except WebhookVerificationError:
        return HttpResponseBadRequest()
    if data["sequence"] > newest.get(data["id"], {"sequence": 0})["sequence"]:
        newest[data["id"]] = data
    return HttpResponse(status=204)


@require_GET
def heard(_request):
    found = [{"external_id": it["external_id"], "status": it["status"]} for it in newest.values()]
    return JsonResponse(found, safe=False)


urlpatterns = [path("start/<customer>", start), path("done", done), path("hooks", hooks), path("heard", heard)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)

"""A page on an unregistered site that tries to embed an onboarding."""

from __future__ import annotations

from flask import Flask, Response, make_response, render_template_string, request

_PAGE = """<!DOCTYPE html>
<html lang="en">
  <title>Stranger</title>
  <link rel="icon" href="data:,">
  <script src="{{ portal }}/embed.js" async></script>
  <h1>Stranger</h1>
  <iframe id="plain" src="{{ src }}" title="plain"></iframe>
  <kyc-onboarding src="{{ src }}" timeout="1500"></kyc-onboarding>
  <p id="error"></p>
  <script>
    addEventListener("kyc-error", (event) => { document.getElementById("error").textContent = event.detail.code; });
  </script>
</html>
"""

# Embeds the same server under another site's name.
_JAR = """<!DOCTYPE html><title>Jar</title><iframe src="{{ other }}/kept" title="kept"></iframe>"""
_KEPT = """<!DOCTYPE html><title>Kept</title><p id="kept"></p><script>
  document.cookie = "script=1; SameSite=None; Secure";
  document.getElementById("kept").textContent = document.cookie || "nothing";
</script>"""


def create_stranger(portal_url: str) -> Flask:
    site = Flask(__name__)

    @site.get("/")
    def page() -> str:
        return render_template_string(_PAGE, portal=portal_url, src=request.args["src"])

    @site.get("/jar")
    def jar() -> str:
        return render_template_string(_JAR, other=request.args["other"])

    @site.get("/kept")
    def kept() -> Response:
        answer = make_response(_KEPT)
        answer.set_cookie("header", "1", samesite="None", secure=True)
        return answer

    return site

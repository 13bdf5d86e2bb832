"""The yardstick: a status page as it is usually written. Each poll asks gu1 and waits for the answer."""

from __future__ import annotations

import os

import httpx
from flask import Flask, render_template_string

from e2e.servers import API_KEY

PAGE = """<section id="status" hx-get="/status/{{ row.id }}" hx-trigger="every 3s" hx-swap="outerHTML">
  <h1>{{ titles[row.status] }}</h1>
</section>
"""
TITLES = {"pending": "We are waiting for your result", "in_review": "A person is reviewing your verification"}


def naive_app(gu1_url: str) -> Flask:
    naive = Flask("naive")
    client = httpx.Client(base_url=gu1_url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False)

    @naive.get("/")
    def start() -> str:
        return "ok"

    @naive.get("/status/<validation_id>")
    def status(validation_id: str) -> str:
        row = client.get(f"/api/kyc/validations/{validation_id}").raise_for_status().json()
        return render_template_string(PAGE, row=row, titles=TITLES)

    return naive


app = naive_app(os.environ.get("NAIVE_GU1_URL", ""))

"""Mails in a real browser: from the form to the inbox, by the mail's link to the verdict, and no more mails."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from e2e.servers import environment
from tests.local_http import LOCAL
from tests.ports import free_port

ARRIVES_WITHIN = 15.0
"""Seconds; it takes less than one."""
LINK = "Banco Ejemplo: tu enlace para verificar tu identidad"
RESULT = "Banco Ejemplo: tu identidad está verificada"


@pytest.fixture
def running(tmp_path):
    smtp_port = free_port()
    env = {
        "PORTAL_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
        "PORTAL_MAIL_FROM": "Banco Ejemplo <verify@portal.example>",
        "PORTAL_OPERATOR_NAME": "Banco Ejemplo",
        "PORTAL_CONTACT_URL": "mailto:ayuda@banco.example",
    }
    with environment(tmp_path, env=env, mock_arguments=("--smtp-port", str(smtp_port))) as started:
        yield started
        started.judge()


def starts(applicant: Applicant, address: str) -> None:
    applicant.start(a_document_number(), email=address)
    applicant.sees_stage("ready")


class Inbox:
    """The demo's page of mails, as one person's."""

    def __init__(self, page, gu1, address: str) -> None:
        self.page = page
        self.url = f"{gu1.url}/mails"
        self.address = address

    def subjects(self) -> list[str]:
        self.page.goto(self.url)
        return self.page.locator("li", has_text=f"to {self.address},").get_by_role("link").all_inner_texts()

    def opens(self, subject: str) -> str:
        """Waits for the mail and shows it as a mail program does. Returns where its one click leads."""
        deadline = time.monotonic() + ARRIVES_WITHIN
        while subject not in self.subjects():
            assert time.monotonic() < deadline, f"{subject!r} did not arrive"
            self.page.wait_for_timeout(100)
        self.page.locator("li", has_text=f"to {self.address},").get_by_role("link", name=subject).click()
        header = self.page.locator("dt", has_text="List-Unsubscribe").locator("+ dd").inner_text()
        self.page.get_by_role("link", name="As a mail program shows it").click()
        return header.strip("<> \n")


def test_from_the_form_by_the_mails_link_to_the_verdict_and_no_more_mails(browser, running):
    with browser.new_context(**PHONE) as context:
        leaving = Applicant(context.new_page(), running.portal.url)
        starts(leaving, "leo@example.com")
        leo = Inbox(context.new_page(), running.gu1, "leo@example.com")
        one_click = leo.opens(LINK)
        # What a mail program sends by itself, RFC 8058: no cookie, no page of ours before it.
        said = httpx.post(one_click, data={"List-Unsubscribe": "One-Click"}, **LOCAL)
        assert (said.status_code, "Ya no vas a recibir correos" in said.text) == (200, True)
        leaving.arrives_at_hosted_page()
        leaving.chooses("Approve")

        at_form = Applicant(context.new_page(), running.portal.url)
        starts(at_form, "ana@example.com")
        ana = Inbox(context.new_page(), running.gu1, "ana@example.com")
        ana.opens(LINK)
        at_form.page.close()  # nothing but the mail leads back
        ana.page.locator("a.button").click()
        by_mail = Applicant(ana.page, running.portal.url)
        by_mail.sees_stage("ready")
        by_mail.arrives_at_hosted_page()
        by_mail.chooses("Approve")
        by_mail.sees_stage("approved")
        ana.opens(RESULT)
        ana.page.get_by_role("link", name="No recibir más correos sobre esta verificación").click()
        ana.page.get_by_role("button", name="No enviarme más correos").click()
        expect(ana.page.get_by_text(re.compile("^Ya no vas a recibir correos"))).to_be_visible()

        leaving.sees_stage("approved")
        assert ana.subjects() == [RESULT, LINK]
        assert leo.subjects() == [LINK], "nobody is told a result after asking for no more mails"

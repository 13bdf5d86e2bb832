"""What a partner's customer does, in any engine; each method checks where it arrived."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from e2e.sites.environment import PORTAL, PROVIDER
from e2e.sites.windows import Window

EMBEDDED = "kyc-onboarding iframe"
CAPTURED = ".hosted iframe"


def agree(window: Window) -> None:
    """The text that is agreed to comes with the country's fields, and takes an earlier tick away."""
    window.sees("[name=country]:not(.htmx-request)")
    window.click("[name=consent]")


class Customer:
    def __init__(self, window: Window, site: str) -> None:
        self.window = window
        self.site = site
        self.portal = window
        """The portal's page: in the tab, or in the partner's frame."""
        self.provider = window
        self.access_link = self.id = ""

    def opens_frame(self, capture: str = "redirect") -> None:
        self.window.open(f"{self.site}/frame?lang=en&capture={capture}")
        self.window.arrives_at(f"{self.site}/frame?customer=")
        self.stands_in_frame()

    def stands_in_frame(self) -> None:
        self._stands_in(self.window.within(EMBEDDED))

    def is_redirected(self) -> None:
        self.window.open(f"{self.site}/redirect?lang=en&capture=redirect")
        self.access_link = self.window.arrives_at(f"{PORTAL}/o/").partition("?")[0]
        self._stands_in(self.window)

    def _stands_in(self, window: Window) -> None:
        self.portal = self.provider = window
        window.sees("[name=consent]")

    def sends_details(self, document_number: str) -> None:
        self.portal.choose("[name=country]", "AR")
        for name, text in {"first_name": "Ana", "last_name": "Pérez", "document_number": document_number}.items():
            self.portal.fill(f"[name={name}]", text)
        agree(self.portal)
        self.portal.click("form.details button.button:not([name])")
        self.portal.sees("#status:is([data-stage=ready], [data-stage=waiting])")

    def goes_on(self, capture: str = "redirect") -> None:
        """To the provider's page, on this computer."""
        way = "#status a[href*='/continue']"
        if capture == "frame":  # it is already there
            self.provider = self.portal.within(CAPTURED)
        elif capture == "new-tab":
            self.provider = self.portal.tab_from(way)
            self.provider.arrives_at(PROVIDER)
        else:
            self.portal.click(way)
        self._is_at_provider()

    def _is_at_provider(self) -> None:
        self.provider.sees("form[action$='/outcome']")
        assert self.provider.evaluate("location.origin") == PROVIDER

    def opens_camera(self) -> None:
        self.provider.click("#open-camera")
        self.provider.reads("#camera", "audio and video")

    def chooses(self, outcome: str) -> None:
        self.provider.click(f"button[name=outcome][value='{outcome}']")

    def sees_stage(self, stage: str, *, reason: str = "") -> None:
        self.portal.sees(f"#status[data-stage={stage}]" + (f"[data-reason={reason}]" if reason else ""))

    def retries(self) -> None:
        self.portal.click("form[action*='/retry'] button")
        self.sees_stage("ready")

    def goes_back(self) -> None:
        """Returns to the partner with the result, also from inside the frame."""
        self.portal.click("a[href$='/back']")
        arrived = urlsplit(self.window.arrives_at(f"{self.site}/account?"))
        self.id = parse_qs(arrived.query)["customer"][0]

    def goes_back_again(self) -> None:
        """Returns a second time with the same state, from the portal's page in the browser's history."""
        self.window.open(self.access_link + "/back")
        self.window.arrives_at(f"{self.site}/done?")

    def sees_account(self, status: str) -> None:
        """The partner's page shows the same status as the portal's API."""
        self.window.open(self.window.arrives_at(self.site).replace("/frame?", "/account?"))
        self.window.sees(f"main [data-status={status}]")

    def keeps_nothing(self) -> None:
        """The portal's document has stored nothing."""
        kept = "(() => { try { return localStorage.length + sessionStorage.length } catch { return 0 } })()"
        assert self.portal.evaluate("location.origin") == PORTAL
        assert self.portal.evaluate(f"document.cookie.length + {kept}") == 0

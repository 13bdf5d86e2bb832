"""A client that looks at every page it fetches: one heading, a title that begins with it, true links and labels."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    def __init__(self, response):
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.html = response.get_data(as_text=True)
        self.elements, self._open, self._texts = [], [], {}
        self.feed(self.html)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _VOID:
            self._open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        name, _ = self._open.pop()
        assert name == tag, f"</{tag}> closes <{name}>"

    def handle_data(self, data):
        for _, index in self._open:
            self._texts[index] = self._texts.get(index, "") + data

    def all(self, tag, **attributes):
        return [
            found
            for name, found in self.elements
            if name == tag
            and all(found.get(key.strip("_").replace("_", "-")) == value for key, value in attributes.items())
        ]

    def one(self, tag, **attributes):
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} <{tag}> with {attributes}"
        return found[0]

    def text(self, tag, **attributes):
        wanted = [
            index
            for index, (name, found) in enumerate(self.elements)
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]
        assert wanted, f"no <{tag}>"
        return " ".join(self._texts.get(wanted[0], "").split())

    @property
    def fields(self):
        """What a browser would send of the page's first form, as it stands."""
        inputs = {
            it["name"]: it.get("value", "")
            for it in self.all("input")
            if it.get("name") and (it.get("type") != "checkbox" or "checked" in it)
        }
        return self._chosen | inputs

    @property
    def _chosen(self):
        chosen, select = {}, ""
        for tag, attributes in self.elements:
            if tag == "select":
                select = attributes["name"]
                chosen[select] = ""
            elif tag == "option" and "selected" in attributes:
                chosen[select] = attributes["value"]
        return chosen

    @property
    def stage(self):
        return self.one("section", id="status")["data-stage"]

    @property
    def leads_to(self):
        """Where the page's script goes on to by itself; None if it stays."""
        return self.one("section", id="status").get("data-leads-to")

    def check(self):
        heading, title = self.text("h1"), self.text("title")
        assert len(self.all("h1")) == len(self.all("title")) == 1
        assert title.split(": ", 1)[-1].startswith(heading) or title.startswith(heading), (title, heading)
        assert self.one("html")["lang"]
        self._check_ids()
        assert not re.search(r"\s(style|onclick|onload)=", self.html), "inline code or style"
        assert all(form.get("method") in {"post", "get"} and form.get("action") for form in self.all("form"))

    def _check_ids(self):
        ids = Counter(attributes["id"] for _, attributes in self.elements if attributes.get("id"))
        assert all(count == 1 for count in ids.values()), ids
        for _, attributes in self.elements:
            named = f"{attributes.get('aria-describedby') or ''} {attributes.get('for') or ''}".split()
            assert set(named) <= set(ids), named
            link = attributes.get("href") or ""
            assert not link.startswith("#") or link[1:] in ids, link


class Visitor:
    def __init__(self, app):
        self._client = app.test_client()

    def get(self, path, **options):
        options["headers"] = NAVIGATES | dict(options.get("headers") or {})
        return self._checked(self._client.get(path, base_url="http://127.0.0.1:8000", **options))

    def post(self, path, data=None, **options):
        return self._checked(self._client.post(path, data=data, base_url="http://127.0.0.1:8000", **options))

    def send_form(self, path="/", **changes):
        """Opens the form and sends it filled in; a change to None leaves a field out."""
        return self.post(path, self.filled_in(path, **changes))

    def filled_in(self, path="/", **changes):
        """The fields of the form at `path`, as somebody filled it in."""
        # As the page's script does while a number is typed.
        shown = {"shown_number": changes["document_number"]} if "document_number" in changes else {}
        page = self.get(path)
        fields = page.fields | APPLICANT | shown | self._read_for(page, APPLICANT | changes) | changes
        return {name: value for name, value in fields.items() if value is not None}

    def _read_for(self, page, sent):
        """What is agreed to in the chosen country, which the page's script fetches."""
        chosen = page.all("select", name="country")
        if not chosen or sent["country"] == page.fields["country"]:
            return {}
        address = chosen[0]["hx-get"]
        part = self.get(f"{address}{'&' if '?' in address else '?'}country={sent['country']}")
        return {"read": part.one("input", name="read")["value"]}

    def begin(self, path="/", **changes):
        """The access link's path of a new onboarding."""
        sent = self.send_form(path, **changes)
        assert sent.status == 303, sent.html
        return sent.response.headers["Location"]

    def press(self, path, action):
        """The button of the page at `path` whose form goes to `action`."""
        fields = self.get(path).fields
        return self.post(f"{path.split('?')[0]}/{action}", fields)

    def _checked(self, response):
        assert "Set-Cookie" not in response.headers
        page = Page(response) if response.mimetype == "text/html" and response.status_code != 303 else None
        if page is None:
            return Plain(response)
        if "<html" in page.html:
            page.check()
        return page


class Plain:
    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.html = response.get_data(as_text=True)
        self.json = response.get_json(silent=True)


NAVIGATES = {"Sec-Fetch-Mode": "navigate"}
"""What a browser says when its person goes to a page."""
OLDER_PAGE = {"HX-Request": "true"}
"""What htmx sends; it means something only to addresses that pages had before an upgrade."""

APPLICANT = {
    "country": "AR",
    "document_number": "30.123.456",
    "shown_number": "30.123.456",
    "first_name": "María José",
    "last_name": "O'Higgins",
    "email": "",
    "consent": "y",
}

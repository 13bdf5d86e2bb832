"""What becomes of a mail, against a real SMTP server that takes it, refuses it, is slow, wrong or away."""

import asyncio
import ssl

import pytest

from portal.domain.smtp_server import SmtpServer, is_sender
from portal.services.mail import MailContent, Verdict
from portal.smtp.smtp_client import MailServerError, SmtpClient, mail_tls_context
from tests.factories import NOW
from tests.gu1.certificates import a_self_signed_certificate
from tests.mail_server import mail_server

CONTENT = MailContent(
    "Banco Sur: tu enlace", "Hola Ana,\n\nñandú €\n", "<p>Hola Ana, ñandú €</p>", "es-AR", "https://p/stop"
)


@pytest.fixture(scope="module")
def database_kind():
    """Nothing here needs one."""


@pytest.fixture
def server():
    with mail_server() as found:
        yield found


def smtp_client(port, *, deadline=5, sender="Banco Sur <verify@bank.example>", **server):
    given = {"host": "127.0.0.1", "port": port, "is_encrypted_at_once": False}
    return SmtpClient(SmtpServer(**given | server), sender, "portal.example", lambda: NOW, deadline)


class HandOver:
    def __init__(self, *, may=True):
        self.times = 0
        self.may = may

    async def __call__(self):
        self.times += 1
        return self.may


def run(work):
    """With time for the loop to close its sockets."""

    async def run():
        try:
            return await work
        finally:
            await asyncio.sleep(0.05)

    return asyncio.run(run())


def sent(by, address="ana@example.com", hand_over=None):
    return run(by.send("m-1", address, CONTENT, hand_over or HandOver()))


@pytest.mark.asvs("1.3.11")
def test_mail_arrives_as_text_and_html_with_its_headers(server):
    hand_over = HandOver()
    assert sent(smtp_client(server.port), hand_over=hand_over).verdict is Verdict.SENT
    (mail,) = server.mails
    assert (server.to, hand_over.times) == (["ana@example.com"], 1)
    assert {name: mail[name] for name in ("From", "To", "Subject", "Message-ID", "Content-Language")} == {
        "From": "Banco Sur <verify@bank.example>",
        "To": "ana@example.com",
        "Subject": "Banco Sur: tu enlace",
        "Message-ID": "<m-1@portal.example>",
        "Content-Language": "es-AR",
    }
    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (
        "<https://p/stop>",
        "List-Unsubscribe=One-Click",
    )
    assert mail["Auto-Submitted"] == "auto-generated"
    bodies = {kind: mail.get_body((kind,)).get_content() for kind in ("plain", "html")}
    assert "ñandú €" in bodies["plain"] and "ñandú €" in bodies["html"]


@pytest.mark.parametrize(
    ("command", "answer", "verdict", "handed_over"),
    [
        ("RCPT", "451 4.7.1 Greylisted, try again", Verdict.LATER, 0),
        ("RCPT", "452 4.2.2 Mailbox full", Verdict.LATER, 0),
        ("RCPT", "550 5.1.1 No such user <ana@example.com>", Verdict.REFUSED, 0),
        ("RCPT", "550 5.7.1 Relaying denied", Verdict.UNAVAILABLE, 0),
        ("RCPT", "530 Authentication required", Verdict.UNAVAILABLE, 0),
        ("MAIL", "553 5.1.8 Sender refused", Verdict.UNAVAILABLE, 0),
        ("MAIL", "421 4.3.2 Shutting down", Verdict.UNAVAILABLE, 0),
        ("DATA", "451 4.3.0 Try again", Verdict.LATER, 1),
        ("DATA", "554 5.6.0 Not this", Verdict.REFUSED, 1),
        ("DATA", "554 5.7.1 Looks like spam", Verdict.LATER, 1),
    ],
)
def test_what_the_server_answers_decides(server, command, answer, verdict, handed_over):
    server.answers[command] = [answer]
    hand_over = HandOver()
    result = sent(smtp_client(server.port), hand_over=hand_over)
    assert (result.verdict, hand_over.times, server.mails) == (verdict, handed_over, [])
    assert answer[:3] in result.outcome and "ana" not in result.outcome


def test_lost_answer_is_unknown_and_never_a_failure(server):
    server.hangs_up_after_data = True
    assert sent(smtp_client(server.port)).verdict is Verdict.UNKNOWN


def test_slow_server_is_unavailable(server):
    server.delay = 2
    assert sent(smtp_client(server.port, deadline=0.3)).verdict is Verdict.UNAVAILABLE


def test_mail_that_another_process_has_is_not_given(server):
    assert sent(smtp_client(server.port), hand_over=HandOver(may=False)).verdict is Verdict.LATER
    assert server.mails == []


def test_server_that_is_away():
    with mail_server() as gone:
        port = gone.port
    result = sent(smtp_client(port))
    assert (result.verdict, result.outcome) == (Verdict.UNAVAILABLE, "no connection")
    with pytest.raises(MailServerError, match="no connection"):
        run(smtp_client(port).check())


@pytest.mark.asvs("12.3.1")
def test_no_password_goes_out_in_the_clear(server):
    by = smtp_client(server.port, user="portal", password="secret")
    assert sent(by).outcome == "it offers no encryption (STARTTLS)"


@pytest.mark.parametrize(("takes_utf8", "verdict"), [(True, Verdict.SENT), (False, Verdict.REFUSED)])
def test_address_beyond_ascii_needs_a_server_for_it(takes_utf8, verdict):
    with mail_server(takes_utf8=takes_utf8) as found:
        assert sent(smtp_client(found.port), "josé@example.com").verdict is verdict


@pytest.fixture
def encrypted(tmp_path, monkeypatch):
    certificate = a_self_signed_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mail_tls_context.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with mail_server(tls=context, needs_password=True) as found:
        yield found
    mail_tls_context.cache_clear()


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_password_over_an_encrypted_connection(encrypted):
    by = smtp_client(encrypted.port, is_encrypted_at_once=True, user="portal", password="secret")
    assert sent(by).verdict is Verdict.SENT
    assert run(by.check()) == "encrypted"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_wrong_password_loses_nothing(encrypted):
    by = smtp_client(encrypted.port, is_encrypted_at_once=True, user="portal", password="wrong")
    result = sent(by)
    assert (result.verdict, result.outcome) == (Verdict.UNAVAILABLE, "it refuses the user or password: 535")
    with pytest.raises(MailServerError, match="user or password"):
        run(by.check())


@pytest.mark.asvs("12.3.2")
@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_certificate_of_somebody_else_is_not_trusted(encrypted, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    mail_tls_context.cache_clear()
    by = smtp_client(encrypted.port, is_encrypted_at_once=True, user="portal", password="secret")
    assert "certificate" in sent(by).outcome


def test_sender_that_the_server_refuses_is_found_by_the_check(server):
    server.answers["MAIL"] = ["550 5.7.60 Not yours"]
    with pytest.raises(MailServerError, match="PORTAL_MAIL_FROM: 550"):
        run(smtp_client(server.port).check())


@pytest.mark.parametrize(
    ("url", "host", "port", "at_once", "may_be_plain"),
    [
        ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, False, True),
        ("smtp://mail.example.com", "mail.example.com", 587, False, False),
        ("smtps://a%40b:p%2Fw@mail.example.com", "mail.example.com", 465, True, False),
    ],
)
def test_addresses_of_servers(url, host, port, at_once, may_be_plain):
    found = SmtpServer.parsed(url)
    assert (found.host, found.port, found.is_encrypted_at_once, found.may_be_plain) == (
        host,
        port,
        at_once,
        may_be_plain,
    )


@pytest.mark.parametrize(
    "url", ["mail.example.com", "https://mail.example.com", "smtp://", "smtp://a:99999", "smtp://u@h", "smtp://h/path"]
)
def test_what_is_no_address_of_a_server(url):
    with pytest.raises(ValueError, match=r"must be an address|needs a user"):
        SmtpServer.parsed(url)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("verify@example.com", True),
        ("Banco Ñandú <verify@example.com>", True),
        ("verify", False),
        ("a@example.com, b@example.com", False),
        ("<verify@example.com", False),
        ("A\r\nBcc: x@example.com <verify@example.com>", False),
    ],
)
def test_senders(text, is_one):
    assert is_sender(text) is is_one

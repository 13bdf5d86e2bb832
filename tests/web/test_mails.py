"""Mails to applicants, from the change that makes them to a real SMTP server, and the end of the address."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.app import runner_of
from portal.domain.locales import Locale
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.services.mail import MailContent
from portal.smtp.smtp_client import SmtpClient
from portal.store.restores import Restores
from tests.databases import on_both_databases
from tests.factories import NOW, some_details
from tests.mail_server import mail_server
from tests.partners import KEYS, partners_file
from tests.web.conftest import HOME, ONBOARDINGS
from tests.web.stages import adopted, rejected, stored_as

ADDRESS = "ana@example.com"


@pytest.fixture(scope="module")
def shared_server():
    with mail_server() as found:
        yield found


@pytest.fixture
def server(shared_server):
    shared_server.mails.clear()
    shared_server.to.clear()
    for answers in shared_server.answers.values():
        answers.clear()
    shared_server.hangs_up_after_data = False
    return shared_server


@pytest.fixture
def config(config, tmp_path, server):
    mail = {"smtp_url": f"smtp://127.0.0.1:{server.port}", "mail_from": "Portal <verify@portal.example>"}
    files = {"partners_file": partners_file(tmp_path, bank="mails = false"), "contact_url": "mailto:help@example.com"}
    return config.model_copy(update=mail | files | {"operator_name": "Banco Sur"})


@pytest.fixture
def deliver(app, clock, server):
    """What arrives now."""

    def deliver(**time):
        clock.advance(**(time or {"seconds": 1}))
        runner = runner_of(app)
        while runner.remind(clock()):
            pass
        asyncio.run(runner.mails.work_until_idle())
        arrived = list(server.mails)
        server.mails.clear()
        return arrived

    return deliver


@pytest.fixture
def start(onboardings):
    def start(*, locale="en", **details):
        return onboardings.start(some_details(**details), locale=locale, consent=ConsentText("2026-12"), nonce="n")

    return start


@pytest.fixture
def becomes(onboardings, clock):
    """Puts an onboarding where gu1 would."""

    def becomes(onboarding, validation=None, **changes):
        with onboardings._store.locked(onboarding.id) as row:
            given = {"validation": validation} if validation else {}
            row.save(replace(row.onboarding, **given, due_at=None, details=None, updated_at=clock(), **changes))

    return becomes


@pytest.fixture
def addresses(count):
    return lambda: count("mail_addresses")


@pytest.fixture
def give_again(onboardings, becomes):
    """Corrected details with another address, and what they come to."""

    def give_again(onboarding, email="other@example.com"):
        becomes(onboarding, **stored_as(Stage.DETAILS))
        details = some_details(email=email)
        given = onboardings.give_details(onboarding.id, details, consent=ConsentText("2026-12"))
        assert given.details == details, "they were taken"
        becomes(onboarding, rejected(number=2))

    return give_again


@pytest.fixture
def click_stop(ask):
    return lambda mail, method="POST": ask(method, mail["List-Unsubscribe"].strip("<>").removeprefix(HOME))


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def link_in(mail):
    return re.search(rf"{HOME}(/o/[\w.-]+)", text_of(mail))[1]


@on_both_databases
def test_link_comes_when_the_details_were_taken(start, deliver, visitor, server):
    start()
    (mail,) = deliver()
    assert (server.to, mail["Subject"]) == ([ADDRESS], "Banco Sur: your link to the identity verification")
    assert visitor.get(link_in(mail)).status == 200
    assert "until April 1, 2026" in text_of(mail)
    for secret in ("30111222", "Núñez", ADDRESS):
        assert secret not in text_of(mail) + mail.get_body(("html",)).get_content()
    assert deliver() == []


@pytest.mark.parametrize("locale", Locale)
def test_mails_speak_the_language_of_the_onboarding(start, deliver, becomes, locale):
    started = start(locale=str(locale))
    mails = deliver()
    becomes(started, rejected())
    mails += deliver()
    greetings = {"en": "Hello, Hello Ana,", "es": "Hola: Hola, Ana:", "pt-BR": "Olá, Olá, Ana,"}
    assert " ".join(text_of(it).split("\n")[0] for it in mails) == greetings.get(locale, greetings["es"])
    for mail in mails:
        assert mail["Content-Language"] == locale
        assert f'<html lang="{locale}">' in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("lives", "said"),
    [
        ({"locale": "en", "country": "AR"}, "March 9, 2026, 9:00\u202fAM (Argentina time)"),
        ({"locale": "es-AR", "country": "AR"}, "9 de marzo de 2026, 09:00 (hora de Argentina)"),
        ({"locale": "es", "country": "MX"}, "9 de marzo de 2026, 06:00 (hora de la Ciudad de México)"),
        ({"locale": "pt-BR", "country": "BR"}, "9 de março de 2026, 09:00 (horário de Brasília)"),
        ({"locale": "es", "country": "DE"}, "9 de marzo de 2026, 12:00 (UTC)"),
    ],
)
def test_times_in_mails_are_those_of_the_country_written_as_in_the_language(start, deliver, becomes, lives, said):
    started = start(**lives)
    deliver()
    becomes(started, adopted(opened_at=NOW))
    (mail,) = deliver(hours=1)
    assert said in text_of(mail)


@pytest.mark.parametrize("typed", ["Ana", "Win: evil.example"])
def test_first_mail_has_nothing_that_was_typed(start, deliver, typed):
    start(first_name=typed, last_name="Núñez Prize")
    (mail,) = deliver()
    for said in (text_of(mail), mail.get_body(("html",)).get_content(), str(mail["Subject"])):
        for word in (*typed.split(), "Núñez", "Prize"):
            assert word not in said


@pytest.mark.long
@pytest.mark.parametrize(
    ("typed", "is_greeted"),
    [
        ("María de los Ángeles", True),
        ("Anaïs-Zoë O'Neill", True),
        ("A" * 30, True),
        ("A" * 31, False),
        ("evil.example", False),
        ("evil．example", False),
        ("evil․example", False),
        ("see/this", False),
        ("tel:555", False),
        ("me@evil", False),
        ("Call 5550100", False),
        ("Call: now", False),
        ("Call ٥٥٥", False),
    ],
)
def test_name_that_could_be_a_message_is_in_no_mail(start, deliver, becomes, typed, is_greeted):
    started = start(first_name=typed)
    deliver()
    becomes(started, rejected())
    (mail,) = deliver()
    text = text_of(mail)
    assert text.startswith(f"Hello {typed},\n" if is_greeted else "Hello,\n")
    assert is_greeted or typed not in text + mail.get_body(("html",)).get_content()


def test_nobody_without_an_address_gets_one(start, deliver, addresses):
    start(email=None)
    assert (deliver(), addresses()) == ([], 0)


@on_both_databases
def test_photos_that_were_left_are_recalled_once(start, deliver, becomes):
    started = start()
    deliver()
    becomes(started, adopted(opened_at=NOW))
    (mail,) = deliver(hours=1)
    assert mail["Subject"] == "Banco Sur: your photos are not finished"
    assert "until March 9, 2026, 9:00\u202fAM (Argentina time)" in text_of(mail), "the session ends before the link"
    assert deliver(hours=30) == []


def test_whoever_took_the_photos_meanwhile_is_not_reminded(start, deliver, becomes, clock, app):
    started = start()
    deliver()
    becomes(started, adopted(opened_at=NOW))
    clock.advance(hours=1)
    runner_of(app).remind(clock())
    becomes(started, adopted(opened_at=NOW, returned_at=clock()))
    assert deliver() == []


@on_both_databases
def test_link_about_to_end_is_told(start, deliver, becomes):
    started = start()
    deliver()
    becomes(started, adopted())
    (mail,) = deliver(days=27)
    assert mail["Subject"] == "Banco Sur: your link ends soon"
    assert deliver(days=1) == []


@on_both_databases
def test_result_is_the_last_mail_and_takes_the_address_with_it(start, deliver, becomes, addresses):
    started = start()
    deliver()
    assert addresses() == 1
    becomes(started, adopted(status=Status.APPROVED))
    assert addresses() == 1
    (mail,) = deliver()
    assert (mail["Subject"], addresses()) == ("Banco Sur: your identity is verified", 0)
    becomes(started, rejected(Reason.NOT_ELIGIBLE))
    assert deliver() == []


@on_both_databases
def test_result_after_a_review_is_told(start, deliver, becomes, addresses):
    started = start()
    deliver()
    becomes(started, adopted(status=Status.IN_REVIEW))
    assert deliver() == []
    becomes(started, rejected(Reason.NOT_ELIGIBLE))
    (mail,) = deliver()
    assert (mail["Subject"], addresses()) == ("Banco Sur: the result of your identity verification", 0)


def test_next_step_is_told_and_the_address_kept(start, deliver, becomes, addresses):
    started = start()
    deliver()
    becomes(started, rejected())
    (mail,) = deliver()
    assert (mail["Subject"], addresses()) == ("Banco Sur: one more step for your identity verification", 1)
    assert "outdated" not in text_of(mail)


@on_both_databases
def test_nobody_gets_more_than_four_and_the_last_says_how_it_ended(start, deliver, becomes):
    started = start()
    mails = deliver()
    for number in (1, 2):
        becomes(started, rejected(number=number))
        mails += deliver()
        becomes(started, adopted(number=number + 1, opened_at=NOW))
        mails += deliver(hours=2)
    becomes(started, adopted(number=3, status=Status.APPROVED))
    mails += deliver()
    assert len(mails) == 4
    assert mails[-1]["Subject"] == "Banco Sur: your identity is verified"


@on_both_databases
def test_stopped_by_the_applicant_means_no_mail_and_no_address(start, deliver, onboardings, addresses):
    started = start()
    deliver()
    onboardings.stop(started.id)
    assert (deliver(), addresses()) == ([], 0)


@on_both_databases
def test_lapsed_onboarding_keeps_no_address(start, deliver, becomes, addresses):
    started = start()
    becomes(started, adopted())
    deliver()
    deliver(days=31)
    assert addresses() == 0


@on_both_databases
def test_erase_takes_mails_and_address(create, api, onboardings, deliver, count):
    person = {"country": "AR", "document_number": "30111222", "first_name": "Ana", "last_name": "N"}
    created = create(applicant=person | {"email": ADDRESS}).json["id"]
    assert count("mail_addresses") == 0, "the customer has not agreed yet"
    onboardings.give_details(created, None, consent=ConsentText("2026-12"))
    assert (count("mail_addresses"), count("mails")) == (1, 1)
    api("DELETE", f"{ONBOARDINGS}/{created}")
    assert (deliver(), count("mail_addresses"), count("mails")) == ([], 0, 0)


def test_partner_that_wants_no_mails_sends_none(create, onboardings, deliver, addresses):
    created = create(key=KEYS["bank"]).json["id"]
    onboardings.give_details(created, some_details(), consent=ConsentText("2026-12"))
    assert (deliver(), addresses()) == ([], 0)


def test_names_of_partners_are_in_their_mails(create, onboardings, deliver):
    created = create(locale="en").json["id"]
    onboardings.give_details(created, some_details(), consent=ConsentText("2026-12"))
    (mail,) = deliver()
    assert mail["Subject"].startswith("The shop: ")


# Servers that do not take them


@on_both_databases
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_greylisted_mail_comes_later_and_once(start, deliver, server, command):
    server.answers[command] = ["451 4.7.1 Greylisted"]
    start()
    assert deliver() == []
    assert len(deliver(minutes=2)) == 1
    assert deliver(days=1) == []


@on_both_databases
def test_address_that_bounces_stops_the_mails(start, deliver, server, becomes, sql):
    server.answers["RCPT"] = ["550 5.1.1 No such user"]
    started = start()
    assert (deliver(), sql("SELECT * FROM mail_addresses")) == ([], [])
    becomes(started, rejected())
    assert deliver(days=1) == []
    assert sql("SELECT outcome, sent_at FROM mails") == [("it refuses the address: 550", None)]


@pytest.mark.long
@on_both_databases
def test_server_that_is_away_delays_and_loses_nothing(start, deliver, server, app, onboardings):
    transport = runner_of(app).mails._transport
    with mail_server() as gone:
        away = replace(transport.server, port=gone.port)
    runner_of(app).mails._transport = replace(transport, server=away)
    started = start()
    assert onboardings.get(started.id), "and nobody waited"
    for _ in range(30):
        assert deliver(minutes=30) == []
    runner_of(app).mails._transport = transport
    assert len(deliver(minutes=30)) == 1


@on_both_databases
def test_answer_that_was_lost_is_never_followed_by_another_mail(start, deliver, server, sql):
    server.hangs_up_after_data = True
    start()
    assert deliver() == []
    server.hangs_up_after_data = False
    assert deliver(days=1) == []
    ((outcome, due_at),) = sql("SELECT outcome, due_at FROM mails")
    assert outcome.startswith("not known whether it was sent") and due_at is None


@on_both_databases
@pytest.mark.parametrize("handed_over", [False, True])
def test_process_killed_while_sending_sends_no_mail_twice(start, deliver, app, clock, handed_over):
    """Killed before the server got the mail, another process sends it; killed afterwards, nobody does."""
    start()
    outbox = runner_of(app).mails._outbox
    clock.advance(seconds=1)
    (claimed,) = outbox.claim(now=clock(), lease_until=clock() + timedelta(minutes=3), limit=4)
    if handed_over:
        assert outbox.hand_over(claimed, now=clock())
    assert deliver() == [], "the lease stands"
    assert len(deliver(minutes=4)) == (0 if handed_over else 1)
    assert not outbox.hand_over(claimed, now=clock())
    assert deliver(days=1) == []


@on_both_databases
def test_two_processes_send_it_once(start, app, clock, server):
    start()
    clock.advance(seconds=1)
    worker = runner_of(app).mails

    async def both():
        await asyncio.gather(*(worker.work_until_idle() for _ in range(3)))

    asyncio.run(both())
    assert len(server.mails) == 1


@pytest.mark.asvs("2.3.3")
@on_both_databases
def test_mail_is_stored_with_the_change_or_not_at_all(start, writes_fail, count):
    writes_fail("mails")
    with pytest.raises(Exception, match=r"database|disk full"):
        start()
    assert (count(), count("mail_addresses")) == (0, 0)


@on_both_databases
def test_after_a_restore_no_mail_is_sent_again(start, deliver, connections, clock):
    start()
    Restores(connections).record(clock())
    assert deliver() == []


# No more mails


@on_both_databases
def test_one_click_ends_them(start, deliver, ask, visitor, addresses):
    start()
    (mail,) = deliver()
    path = mail["List-Unsubscribe"].strip("<>").removeprefix(HOME)
    page = ask("GET", path)
    assert (page.status_code, addresses()) == (200, 1), "whoever only looks ends nothing"
    for _ in range(2):
        clicked = ask("POST", path, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert (clicked.status_code, addresses()) == (200, 0)
    assert deliver(days=27) == []
    assert visitor.get(link_in(mail)).status == 200, "the verification goes on"


@on_both_databases
@pytest.mark.parametrize("has_address", [True, False])
def test_stopped_mails_do_not_begin_again_with_new_details(start, deliver, click_stop, give_again, has_address):
    """Also if the address was taken back before, and the click is on an old mail."""
    started = start()
    (mail,) = deliver()
    if not has_address:
        give_again(started, email=None)
    click_stop(mail)
    give_again(started)
    assert (deliver(), deliver(days=27)) == ([], [])


@on_both_databases
def test_address_that_bounced_is_not_followed_by_another(start, deliver, server, give_again, sql):
    server.answers["RCPT"] = ["550 5.1.1 No such user"]
    started = start()
    deliver()
    give_again(started)
    assert (deliver(), sql("SELECT * FROM mail_addresses")) == ([], [])


def test_details_given_again_are_written_to_unless_somebody_stopped_it(start, deliver, give_again, server):
    started = start()
    deliver()
    give_again(started)
    assert [it["To"] for it in deliver()] == ["other@example.com"]


@on_both_databases
def test_click_on_a_mail_of_an_onboarding_that_was_purged_is_answered(start, deliver, click_stop, sql):
    start()
    (mail,) = deliver()
    sql("DELETE FROM onboardings")
    assert [click_stop(mail, method).status_code for method in ("GET", "POST")] == [200, 200]


def test_page_that_stops_them_is_the_partner_s_in_the_onboarding_s_language(create, onboardings, deliver, visitor):
    created = create(locale="pt-BR").json["id"]
    onboardings.give_details(created, some_details(), consent=ConsentText("2026-12"))
    (mail,) = deliver()
    page = visitor.get(mail["List-Unsubscribe"].strip("<>").removeprefix(HOME))
    assert '<html lang="pt-BR"' in page.html and "The shop" in page.html


def test_keys_of_others_end_nothing(start, deliver, ask, app, addresses):
    started = start()
    links = app.extensions["portal"].access_links
    for key in ("x", started.id, links.token(started)):
        for method in ("GET", "POST"):
            assert ask(method, f"/mails/{key}/stop").status_code == 404
    assert addresses() == 1


@on_both_databases
def test_address_is_sealed_and_purged(start, sql, clock, app, addresses):
    start()
    ((sealed,),) = sql("SELECT address_sealed FROM mail_addresses")
    assert ADDRESS.encode() not in bytes(sealed)
    clock.advance(days=30, seconds=1)
    while runner_of(app).purge_expired(clock()):
        pass
    assert addresses() == 0


def test_without_a_mail_server_nothing_is_kept(config):
    assert config.smtp_server is not None
    assert config.model_copy(update={"smtp_url": None}).smtp_server is None


def test_bug_in_a_text_delays_and_loses_nothing(start, deliver, app):
    worker = runner_of(app).mails
    write = worker._write
    worker._write = lambda *_: 1 / 0
    start()
    assert deliver() == []
    worker._write = write
    assert len(deliver(minutes=2)) == 1


@pytest.mark.asvs("1.3.11")
def test_names_cannot_add_headers():
    content = MailContent("a\r\nBcc: x@example.com", "t", "h", "en", "https://p")
    with pytest.raises(ValueError, match=r"linefeed|header"):
        SmtpClient(None, "a@example.com", "p", lambda: NOW)._message("m", ADDRESS, content)

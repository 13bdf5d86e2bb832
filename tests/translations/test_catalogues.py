import re

import pytest
from babel.messages.pofile import read_po

from portal.translations.update import catalogues, extract, read, update

PLACEHOLDER = re.compile(r"%\(\w+\)\w|%%|\{\w*\}")
NOT_ARGENTINE = re.compile(
    r"\b(usted|ustedes|tú|ti|contigo|tienes|puedes|quieres|debes|eres|necesitas|aquí|allí|"
    r"ingrese|escriba|elija|pruebe|intente|espere|(?<!apenas )vuelva|abra|use|revise|compruebe|"
    r"comuníquese|puede cerrar)\b",
    re.IGNORECASE,
)

NOT_NEUTRAL = re.compile(
    r"\b(usted|ustedes|le (queda|quedan|pidieron|envió)|comuníquese|ingrese|escriba|elija|pruebe|inténtelo|intente|"
    r"espere|abra|use|revise|compruebe|pegue|copie|toque|busque|tome|"
    r"(?<!se )(?<!tenga )puede (cerrar|poner|seguir|volver|probar|usar|abrir)|"
    r"(su|sus) (documento|datos|rostro|identidad|verificación|DNI|teléfono|navegador|nombre|resultado|lugar)|"
    r"vos|sos|acá|podés|tenés|querés|creés|ingresá|escribí|elegí|probá|volvé|revisá|usá|tocá|buscá|copiá|pegá)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def template():
    return extract()


@pytest.fixture(params=catalogues(), ids=lambda path: path.parent.parent.name)
def catalogue(request):
    return read(request.param)


def messages(catalogue):
    return [message for message in catalogue if message.id]


def pairs(message):
    """Each translation with the English it stands for; a plural's further forms stand for the plural."""
    if isinstance(message.id, str):
        return [(message.id, message.string)]
    singular, plural = message.id
    return [(singular, message.string[0]), *((plural, form) for form in message.string[1:])]


def test_there_is_a_catalogue_for_every_language_but_english():
    assert [path.parent.parent.name for path in catalogues()] == ["es", "es_AR", "pt_BR"]


def test_texts_are_found_in_code_and_templates(template):
    found = {message.id for message in messages(template)}
    assert {"Verify your identity", "Retry with your current ID", "Your identity is verified"} <= found


def test_no_message_is_missing(template, catalogue):
    known = {message.id for message in messages(catalogue)}
    assert not [message.id for message in messages(template) if message.id not in known]


def test_no_message_is_unused(template, catalogue):
    used = {message.id for message in messages(template)}
    assert not [message.id for message in messages(catalogue) if message.id not in used]
    assert not catalogue.obsolete


def test_every_form_of_every_message_is_translated(catalogue):
    assert not [message.id for message in messages(catalogue) if message.fuzzy]
    assert not [english for message in messages(catalogue) for english, own in pairs(message) if not own]


def test_plurals_have_all_forms_of_the_language(catalogue):
    plurals = [message for message in messages(catalogue) if message.pluralizable]
    assert plurals
    assert all(len(message.string) == catalogue.num_plurals for message in plurals)


@pytest.mark.asvs("1.3.10")
def test_placeholders_are_those_of_the_english(catalogue):
    both = [pair for message in messages(catalogue) for pair in pairs(message)]
    assert not [
        own for english, own in both if sorted(PLACEHOLDER.findall(english)) != sorted(PLACEHOLDER.findall(own))
    ]


def test_space_at_the_edges_is_that_of_the_english(catalogue):
    both = [pair for message in messages(catalogue) for pair in pairs(message)]
    assert not [own for english, own in both if _edges(english) != _edges(own)]


def test_argentina_is_spoken_to_as_vos():
    spoken = read(next(path for path in catalogues() if "es_AR" in path.parts))
    said = [own for message in messages(spoken) for _, own in pairs(message)]
    assert not [text for text in said if NOT_ARGENTINE.search(text)]


def test_neutral_spanish_says_neither_usted_nor_vos():
    spoken = read(next(path for path in catalogues() if path.parent.parent.name == "es"))
    said = [own for message in messages(spoken) for _, own in pairs(message)]
    assert not [text for text in said if NOT_NEUTRAL.search(text)]


def test_updating_changes_nothing_that_is_up_to_date(tmp_path, template, catalogue):
    path = tmp_path / str(catalogue.locale) / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    original = next(found for found in catalogues() if str(catalogue.locale) in found.parts)
    path.write_bytes(original.read_bytes())
    update(path, template)
    assert path.read_bytes() == original.read_bytes()


def test_updating_keeps_translations_and_drops_unused(tmp_path, template):
    path = tmp_path / "es" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid ""\nmsgstr ""\n\nmsgid "Continue"\nmsgstr "Seguir"\n\nmsgid "Gone"\nmsgstr "Ido"\n')
    update(path, template)
    with path.open("rb") as text:
        updated = read_po(text)
    assert updated["Continue"].string == "Seguir"
    assert "Gone" not in path.read_text()


def _edges(text):
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]

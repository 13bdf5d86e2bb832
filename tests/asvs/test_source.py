"""What the source does not have, and what it has in known places only."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest
from pydantic_core import PydanticUndefined

from portal.config import SECRETS, Config
from tests.documents import ROOT, SECURITY, code_in, rows

DANGEROUS_MODULES = {
    *("subprocess", "pty", "ctypes", "pickle", "marshal", "shelve", "dill", "yaml", "xml", "lxml", "code"),
    *("xmlrpc", "telnetlib", "ftplib"),
}
DANGEROUS_CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "render_template_string", "app.run"),
    *("current_app.jinja_env.from_string", "jinja_env.from_string", "from_string", "Template"),
}
CONSTANT_PATTERNS = {
    ("portal/store/database.py", "f'^{it} = (.+)$'"),
    ("portal/store/database_errors.py", "words"),
    ("portal/domain/name_match.py", "pattern"),
}
"""Taken from tables in the same module."""
SHORTER = {
    "portal/settings.py": "the name of a temporary file",
    "portal/web/slots.py": "marks places in a page that is being made, and never leaves the process",
    "portal/web/links.py": "tells forms apart; its signature is what cannot be guessed",
    "portal/web/error_pages.py": "a reference that people read out",
    "portal/services/request_ids.py": "names a request in its answer and in the log",
    "portal/store/readiness.py": "the key of a row that is written and deleted",
    "portal/store/wake_channel.py": "recognises our own message",
}
"""Random values below 128 bits, which keep no secret."""
NOT_SECRET = {
    "portal/web/applicant/stage_view.py": "spreads polls",
    "portal/domain/polling.py": "spreads polls",
    "portal/services/equal_times.py": "takes the system's randomness by SystemRandom",
    "portal/domain/timings.py": "spreads retries",
    "portal/store/database.py": "spreads waits",
}
"""Modules that use `random`."""
CRYPTOGRAPHY = {
    *("hashlib", "hashlib.sha256", "hmac"),
    *("cryptography.fernet.Fernet", "cryptography.fernet.InvalidToken", "cryptography.fernet.MultiFernet"),
    *("cryptography.hazmat.primitives.hashes.SHA256", "cryptography.hazmat.primitives.kdf.hkdf.HKDF"),
    *("itsdangerous.BadData", "itsdangerous.BadSignature", "itsdangerous.URLSafeSerializer"),
    "itsdangerous.encoding.base64_encode",
}
"""All of it. Fernet is AES in CBC mode with an HMAC-SHA256 of the encrypted text."""


@cache
def sources() -> dict[str, ast.Module]:
    return {it.relative_to(ROOT).as_posix(): ast.parse(it.read_text("utf-8")) for it in ROOT.glob("portal/**/*.py")}


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (it.name for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{it.name}" for it in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def dangers(tree: ast.Module) -> set[str]:
    return {it for it in imports(tree) if it.split(".")[0] in DANGEROUS_MODULES} | {
        name for name, _ in calls(tree) if name in DANGEROUS_CALLS or name.endswith((".from_string", ".os.system"))
    }


@pytest.mark.asvs("1.2.5", "1.3.2", "1.3.7", "1.5.1", "1.5.2", "13.4.2")
def test_what_is_dangerous_is_not_there():
    assert {place: found for place, tree in sources().items() if (found := dangers(tree))} == {}
    assert dangers(ast.parse("import pickle\nfrom xml.dom import minidom\neval('1')\nos.system('x')")) == {
        *("pickle", "xml.dom.minidom", "eval", "os.system"),
    }


def is_constant(pattern: ast.expr, escaped: set[str]) -> bool:
    if isinstance(pattern, ast.JoinedStr):
        inside = [it.value for it in pattern.values if isinstance(it, ast.FormattedValue)]
        return all(is_constant(it, escaped) for it in inside)
    written = ast.unparse(pattern)
    is_named = written.split(".")[-1].strip("_").isupper() or written in escaped
    return isinstance(pattern, ast.Constant) or is_named or written.startswith("re.escape(")


def open_patterns(place: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    escaped = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("re.escape(")
    }
    for name, call in calls(tree):
        if re.fullmatch(r"re\.(compile|match|fullmatch|search|sub|split|findall|finditer)", name):
            written = (place, ast.unparse(call.args[0]))
            if not is_constant(call.args[0].func.value if _encodes(call.args[0]) else call.args[0], escaped):
                yield written


def _encodes(pattern: ast.expr) -> bool:
    return isinstance(pattern, ast.Call) and ast.unparse(pattern.func).endswith(".encode")


@pytest.mark.asvs("1.2.9")
def test_patterns_are_constants_or_escaped():
    found = {it for place, tree in sources().items() for it in open_patterns(place, tree)}
    assert found == CONSTANT_PATTERNS
    assert [*open_patterns("x", ast.parse("re.match(f'^{given}', text)"))] == [("x", "f'^{given}'")]


def bytes_of(call: ast.Call) -> int:
    return call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else 0


@pytest.mark.asvs("6.3.1", "11.2.3", "11.5.1")
def test_random_keys_have_128_bits_of_the_systems_randomness():
    shorter = {
        place
        for place, tree in sources().items()
        for name, call in calls(tree)
        if name.startswith(("secrets.token_", "os.urandom")) and bytes_of(call) < 16
    }
    assert shorter == SHORTER.keys()
    assert {place for place, tree in sources().items() if "random" in imports(tree)} == NOT_SECRET.keys()


@pytest.mark.asvs("9.2.2", "11.1.1")
def test_each_purpose_has_a_key_of_its_own():
    makers = {"Signed", "KeyedHash"}
    made = [call.args[1] for tree in sources().values() for name, call in calls(tree) if name in makers]
    purposes = Counter(it.value for it in made if isinstance(it, ast.Constant))
    assert len(purposes) > 8 and len(made) == purposes.total()
    # The same request of a partner, whichever of the two asks.
    assert {name for name, times in purposes.items() if times > 1} == {"portal.idempotency-key"}


@pytest.mark.long
@pytest.mark.asvs("9.1.2", "11.1.2", "11.2.1", "11.2.3", "11.3.1", "11.3.2", "11.4.1", "11.4.3")
def test_cryptography_is_that_of_the_inventory():
    roots = ("hashlib", "hmac", "cryptography", "itsdangerous", "Crypto", "nacl", "jwt")
    used = {place: {it for it in imports(tree) if it.split(".")[0] in roots} for place, tree in sources().items()}
    assert set().union(*used.values()) == CRYPTOGRAPHY
    calls_of = {name for tree in sources().values() for name, _ in calls(tree)}
    hashes = {found[0] for name in calls_of if (found := re.match(r"hashlib\.\w+", name))}
    assert hashes == {"hashlib.sha256"}
    digests = {
        ast.unparse(call.args[2]).strip("'")
        for tree in sources().values()
        for name, call in calls(tree)
        if name in {"hmac.new", "hmac.digest"}
    }
    assert digests == {"sha256", "hashlib.sha256"}
    compares = {place for place, tree in sources().items() if {n for n, _ in calls(tree)} & {"hmac.compare_digest"}}
    documented = {code for row in rows(SECURITY, "## Cryptography", 0) for code in code_in(row[-1])}
    assert {place for place, found in used.items() if found} - documented == set()
    assert compares - documented == set()
    assert documented - sources().keys() == set()


@pytest.mark.asvs("13.3.1")
def test_no_secret_is_in_the_source():
    defaults = {str(it.validation_alias): it.default for it in Config.model_fields.values()}
    given = {name for name in SECRETS if defaults[name] not in {None, (), PydanticUndefined}}
    assert given == {"PORTAL_DATABASE_URL"} and str(defaults["PORTAL_DATABASE_URL"]).startswith("sqlite:")
    keys = re.compile(rb"(gk_(live|sandbox)|whsec|kyc)_[A-Za-z0-9+/_-]{24,}")
    shipped = [it for folder in ("portal", "templates", "static", "deploy") for it in (ROOT / folder).rglob("*")]
    assert [it for it in shipped if it.is_file() and keys.search(it.read_bytes())] == []


@pytest.mark.asvs("13.4.1")
def test_image_leaves_version_control_out():
    copied = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert copied
    assert {source for line in copied for source in line.split()[:-1] if source.startswith((".", "*", "/"))} == set()


@pytest.mark.asvs("14.3.1", "14.3.3")
def test_scripts_keep_nothing_in_the_browser():
    keeps = re.compile(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.|serviceWorker")
    ours = [it for it in (ROOT / "static").rglob("*.js") if "vendor" not in it.parts]
    assert len(ours) > 3
    assert [it for it in ours if keeps.search(it.read_text("utf-8"))] == []
    # Of what is vendored, the history alone keeps pages, and it is off.
    assert '"history": false' in (ROOT / "templates" / "base.html").read_text("utf-8")

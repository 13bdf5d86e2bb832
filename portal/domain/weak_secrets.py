"""What is wrong with a secret that can be guessed, or that was not copied as it is. No text quotes the secret."""

from __future__ import annotations

import re
from itertools import pairwise

SHORTEST = 16
_MIN_DISTINCT = 8
_QUOTES = "\"'`“”‘’«»"
_PLACEHOLDER = re.compile(
    r"change[\W_]*(me|this)|replace[\W_]*(me|this)|your[\W_]|example|placeholder|x{6}|"
    r"^(test|dummy|secret|password|default)[\W_\d]*$",
    re.IGNORECASE,
)
_UNEXPANDED = re.compile(r"\$[({]|^\$\w+$|^<.*>$|^\{\{.*\}\}$|^%\w+%$")
_ROWS = ("0123456789012", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {pair for row in _ROWS for line in (row, row[::-1]) for pair in pairwise(line)}
_WORDS = re.compile(
    r"secret|passw|webhook|random|string|insert|admin|token|tests|portal|letmein|welcome|qwert", re.IGNORECASE
)
_DIGESTS = (
    "e3b0c44298fc1c14",
    "da39a3ee5e6b4b0d",
    "d41d8cd98f00b204",
    "5e884898da280471",
    "5baa61e4c9b93f3f",
    "5f4dcc3b5aa765d6",
)
"""How SHA-256, SHA-1 and MD5 of nothing and of `password` begin."""
_RULE = f"a secret needs {SHORTEST} characters that do not repeat themselves"


def miscopied(secret: str) -> str | None:
    """What stands in `secret` besides the secret: nothing that is signed with it can ever be right."""
    if len(secret) > 1 and secret[0] in _QUOTES and secret[-1] in _QUOTES:
        return "is in quotes, most likely an env file's, which do not belong to it: write it without them"
    if any(quote in secret[:1] + secret[-1:] for quote in _QUOTES):
        return "has a quote at one end, most likely left of an env file's quotes: write it without"
    if _UNEXPANDED.search(secret):
        return "is most likely a variable or a command that nothing filled in"
    if re.match(r"bearer\s", secret, re.IGNORECASE):
        return "begins with Bearer, which the portal adds: write the key alone"
    if "=" in secret.rstrip("=") and re.match(r"(PORTAL|GU1)_[A-Z0-9_]+\s*=", secret):
        return "begins with the setting's own name: write what follows ="
    return None


def guessable(secret: str) -> str | None:
    """Why strangers could guess it; None if they could not."""
    period = (secret + secret).find(secret, 1)
    if _PLACEHOLDER.search(secret):
        return f"too easy to guess: most likely an example's placeholder; {_RULE}"
    if len(set(secret)) == 1 and len(secret) > 1:
        return f"too easy to guess: one character {len(secret)} times, most likely a placeholder; {_RULE}"
    if period < len(secret):
        return f"too easy to guess: the same {period} characters over and over, most likely a placeholder; {_RULE}"
    if len(secret) < SHORTEST:
        characters = "1 character" if len(secret) == 1 else f"{len(secret)} characters"
        return f"too easy to guess: {characters} only, most likely a placeholder or cut off; {_RULE}"
    if len(set(secret)) < _MIN_DISTINCT:
        return f"too easy to guess: {len(set(secret))} different characters only; {_RULE}"
    if _in_a_row(secret) > len(secret) / 2:
        return f"too easy to guess: characters as they stand in the alphabet or on a keyboard; {_RULE}"
    return None


def unlike_random(secret: str) -> str | None:
    """Why it is most likely no random value, although it is long enough; None if it looks like one."""
    if secret.lower().startswith(_DIGESTS):
        return "is the digest of what everybody tries: make a random one, with openssl rand -hex 32"
    if _WORDS.search(secret) or re.fullmatch(r"[a-z\W_]+", secret):
        return "consists of words: make a random one, with openssl rand -hex 32"
    return None


def _in_a_row(secret: str) -> int:
    """How many characters follow the one that stands before them."""
    lower = secret.lower()
    return sum(pair in _NEIGHBOURS for pair in pairwise(lower))

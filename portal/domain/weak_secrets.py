"""What is wrong with a secret that can be guessed, or that was not copied as it is. No text quotes the secret."""

from __future__ import annotations

import re

SHORTEST = 16
_MIN_DISTINCT = 8
_QUOTES = "\"'`“”‘’«»"
_PLACEHOLDER = re.compile(
    r"change[\W_]*(me|this)|replace[\W_]*(me|this)|your[\W_]|example|placeholder|x{6}|"
    r"^(test|dummy|secret|password|default)[\W_\d]*$",
    re.IGNORECASE,
)
_UNEXPANDED = re.compile(r"\$[({]|^\$\w+$|^<.*>$|^\{\{.*\}\}$|^%\w+%$")
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
    return None

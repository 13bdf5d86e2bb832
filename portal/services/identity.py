"""Compares the verified document with the details that were given, of which only keyed hashes are kept.

The words of a name are hashed together with the onboarding's id, so that equal words of two people do not look equal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import partial

from portal.domain.comparable_numbers import comparable
from portal.domain.name_match import Digest, Name, NameMatch, Word, compare_names, name_of
from portal.domain.onboarding import Details, Onboarding
from portal.domain.validation import NOTHING_COMPARED, Identity, IdentityBasis, IdentityMatch, Observation
from portal.services.keyed_hash import KeyedHash

_RULE = 1
"""Of `portal.domain.name_match`; digests that were made by another one cannot be compared."""

_DIGEST_LENGTH = 16
_WORD_FIELDS = [field.name for field in fields(Word)]
_MATCHES = {
    NameMatch.AGREES: Identity(IdentityMatch.MATCH, IdentityBasis.NAME),
    NameMatch.DIFFERS: Identity(IdentityMatch.MISMATCH, IdentityBasis.NAME),
    NameMatch.UNKNOWN: NOTHING_COMPARED,
}


@dataclass(frozen=True, slots=True)
class IdentityComparison:
    number_hash: KeyedHash
    name_hash: KeyedHash

    def document_digest(self, details: Details) -> str | None:
        number = comparable(details.country, details.document_number)
        return self.number_hash.digest(number) if number else None

    def name_digests(self, onboarding_id: str, details: Details) -> str | None:
        name = name_of(details.first_name, details.last_name)
        if name is None:
            return None
        return _written(name.under(partial(_digest_of_one, self.name_hash.digest, onboarding_id)))

    def compare(self, onboarding: Onboarding, seen: Observation) -> Identity:
        """The number decides; the name only if the numbers cannot be compared."""
        by_number = self._by_number(onboarding, seen)
        return by_number if by_number.basis else _MATCHES[self.compare_names(onboarding, seen.name)]

    def compare_names(self, onboarding: Onboarding, verified: Name | None) -> NameMatch:
        given = _read(onboarding.name_digests)
        if given is None or verified is None:
            return NameMatch.UNKNOWN
        found = {
            compare_names(given, verified.under(partial(_digest_of_one, digest, onboarding.id)))
            for digest in self.name_hash.under_each_key()
        }
        # Under another key than the one it was kept with, every name differs.
        return next(match for match in (NameMatch.AGREES, NameMatch.UNKNOWN, NameMatch.DIFFERS) if match in found)

    def correctable_digest(self, onboarding: Onboarding, seen: Observation) -> str | None:
        """Keyed hash of the verified number if only that is another one than was given: it may have been mistyped."""
        number = comparable(onboarding.country or "", seen.document_number or "")
        is_other = self._by_number(onboarding, seen).match is IdentityMatch.MISMATCH
        if number is None or not is_other or self.compare_names(onboarding, seen.name) is not NameMatch.AGREES:
            return None
        return self.number_hash.digest(number)

    def is_number_of(self, details: Details, verified_digest: str) -> bool:
        number = comparable(details.country, details.document_number)
        return number is not None and self.number_hash.matches(number, verified_digest)

    def has_same_name(self, onboarding: Onboarding, details: Details) -> bool:
        """Whether these details have the name that was given before."""
        return self.compare_names(onboarding, name_of(details.first_name, details.last_name)) is NameMatch.AGREES

    def _by_number(self, onboarding: Onboarding, seen: Observation) -> Identity:
        if seen.document_number is None or onboarding.document_digest is None:
            return NOTHING_COMPARED
        number = comparable(onboarding.country or "", seen.document_number)
        if number is None:
            return NOTHING_COMPARED
        is_same = self.number_hash.matches(number, onboarding.document_digest)
        return Identity(IdentityMatch.MATCH if is_same else IdentityMatch.MISMATCH, IdentityBasis.NUMBER)


def _digest_of_one(digest: Digest, onboarding_id: str, text: str) -> str:
    return digest(f"{onboarding_id} {text}")[:_DIGEST_LENGTH]


def _written(name: Name) -> str:
    words = [{it: getattr(word, it) for it in _WORD_FIELDS} | {"slips": sorted(word.slips)} for word in name.words]
    return json.dumps({"rule": _RULE, "words": words, "joined": name.joined})


def _read(stored: str | None) -> Name | None:
    """None also for digests of another rule, and for what is damaged."""
    try:
        kept = json.loads(stored or "{}")
        if kept.get("rule") != _RULE:
            return None
        words = [Word(**word | {"slips": frozenset(word["slips"])}) for word in kept["words"]]
        return Name(tuple(words), kept["joined"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

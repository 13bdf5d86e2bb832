"""The images of a decision's storage keys: one grey square each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

from e2e.mock_gu1.rows import Json

# An empty Matroska file: the EBML header and nothing after it.
_WEBM = bytes.fromhex("1a45dfa3") + bytes([0x8B, 0x42, 0x82, 0x84]) + b"webm" + bytes([0x42, 0x86, 0x81, 0x01])


@dataclass(frozen=True, slots=True)
class Media:
    content: bytes
    mimetype: str


def media(decision: Json | None, key: str) -> Media | None:
    """None if `key` is not a key of this decision, for example an https link."""
    if not key.startswith("kyc/") or key not in _strings(decision):
        return None
    if key.endswith(".webm"):
        return Media(_WEBM, "video/webm")
    return Media(jpeg(crc32(key.encode()) % 64), "image/jpeg")


def jpeg(shade: int) -> bytes:
    """Eight by eight pixels of one grey, from 0 (dark) to 63 (light)."""
    quantization = b"\xff\xdb" + (67).to_bytes(2) + b"\x00" + bytes([16]) * 64
    frame = b"\xff\xc0" + (11).to_bytes(2) + b"\x08" + (8).to_bytes(2) * 2 + b"\x01\x01\x11\x00"
    # One code each: "0" announces six bits of brightness, and the last "0" ends the block.
    scan = b"\xff\xda" + (8).to_bytes(2) + b"\x01\x01\x00\x00\x3f\x00" + bytes([shade << 1])
    return b"\xff\xd8" + quantization + frame + _huffman(0x00, 6) + _huffman(0x10, 0) + scan + b"\xff\xd9"


def _huffman(table: int, symbol: int) -> bytes:
    return b"\xff\xc4" + (20).to_bytes(2) + bytes([table, 1]) + bytes(15) + bytes([symbol])


def _strings(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_strings, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_strings, value)) if value else set()
    return {value} if isinstance(value, str) else set()

"""Counts of short windows, in memory of one size that the worker processes of a machine share.

With counts of its own each process would allow as much as all together may, and memory would grow with each source.
"""

from __future__ import annotations

import mmap
import time
from hashlib import sha256
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import NamedTuple

from limits.storage import Storage

_SLOT = Struct("=16sdI")
"""A key's digest, when its window ends, and its count."""
_SLOTS_OF_BUCKET = 8
_BUCKETS = 8192
_BYTES_OF_BUCKET = _SLOT.size * _SLOTS_OF_BUCKET
_BYTES = _BUCKETS * _BYTES_OF_BUCKET
_FILE = "request-counts"


class _Slot(NamedTuple):
    place: int
    ends_at: float
    used: int


class MinuteCounts(Storage):
    """Two processes that count one source in the same microsecond may count once: none waits for another's lock."""

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self, folder: Path | None) -> None:
        """`folder` is shared by the processes; without one the counts are this process's."""
        super().__init__()
        self._memory = _shared(folder / _FILE) if folder else mmap.mmap(-1, _BYTES)
        self._lock = Lock()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        digest = _digest(key)
        with self._lock:
            now = time.time()
            place, ends_at, used = self._slot(digest, now)
            # A clock that was set back would keep a window open for as long.
            ends_at = min(ends_at, now + expiry) if used else now + expiry
            _SLOT.pack_into(self._memory, place, digest, ends_at, used + amount)
        return used + amount

    def get(self, key: str) -> int:
        return self._slot(_digest(key), time.time()).used

    def get_expiry(self, key: str) -> float:
        return self._slot(_digest(key), time.time()).ends_at

    def check(self) -> bool:
        return True

    def clear(self, key: str) -> None:
        with self._lock:
            _SLOT.pack_into(self._memory, self._slot(_digest(key), time.time()).place, bytes(16), 0.0, 0)

    def reset(self) -> int | None:
        with self._lock:
            self._memory[:] = bytes(len(self._memory))
        return None

    def _slot(self, digest: bytes, now: float) -> _Slot:
        """The key's, else the one for which it is least a pity: ended, or of the fewest requests."""
        bucket = int.from_bytes(digest[:4]) % _BUCKETS * _BYTES_OF_BUCKET
        spare = _Slot(bucket, now, 1 << 32)
        for place in range(bucket, bucket + _BYTES_OF_BUCKET, _SLOT.size):
            owner, ends_at, used = _SLOT.unpack_from(self._memory, place)
            if ends_at <= now:
                used = 0
            elif owner == digest:
                return _Slot(place, ends_at, used)
            if used < spare.used:
                spare = _Slot(place, ends_at, used)
        return _Slot(spare.place, now, 0)


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()[:16]


def _shared(file: Path) -> mmap.mmap:
    with file.open("a+b") as opened:  # what is appended takes room on the disk now, and overwrites nobody's counts
        opened.write(bytes(_BYTES - min(_BYTES, opened.tell())))
        opened.flush()
        return mmap.mmap(opened.fileno(), _BYTES)

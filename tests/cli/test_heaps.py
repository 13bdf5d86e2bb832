"""In a process of its own: heaps that exist are not given back."""

import os
import platform
import subprocess
import sys

import pytest

THREADS = """
import ctypes, threading
from portal.cli.serve import _share_heaps

_share_heaps()
everybody = threading.Barrier(16)

def use_memory():
    everybody.wait()
    kept = [bytes(2000) for _ in range(100)]
    everybody.wait()
    del kept

threads = [threading.Thread(target=use_memory) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has several heaps")


def heaps(**environment: str) -> int:
    env = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"} | environment
    done = subprocess.run([sys.executable, "-c", THREADS], env=env, capture_output=True, text=True, check=True)
    return done.stderr.count("\nArena ") + done.stderr.startswith("Arena ")


def test_threads_share_two_heaps():
    assert heaps() == 2


def test_operator_may_choose_another_number():
    assert heaps(MALLOC_ARENA_MAX="5") == 5

"""A display without a screen, and events on it as a mouse and a keyboard send them.

Over BiDi neither a click nor a key reaches a cross-site frame of Firefox; these do, as a person's.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE = 0.06
_PRESSED, _RELEASED = 1, 0
_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_ulong
WHEEL_UP, WHEEL_DOWN = 4, 5


def missing() -> str | None:
    """What this machine lacks for it."""
    lacking = [] if shutil.which("Xvfb") else ["xvfb"]
    for library in ("libX11.so.6", "libXtst.so.6"):
        try:
            ctypes.CDLL(library)
        except OSError:
            lacking.append(library)
    return f"not installed: {', '.join(lacking)}" if lacking else None


class Hands:
    def __init__(self, display: str) -> None:
        self.display = display
        self._x11, self._xtest = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x11.XOpenDisplay.restype, self._x11.XOpenDisplay.argtypes = _POINTER, [ctypes.c_char_p]
        self._x11.XFlush.argtypes = self._x11.XCloseDisplay.argtypes = [_POINTER]
        self._x11.XStringToKeysym.restype, self._x11.XStringToKeysym.argtypes = _NUMBER, [ctypes.c_char_p]
        self._x11.XKeysymToKeycode.argtypes = [_POINTER, _NUMBER]
        self._xtest.XTestFakeMotionEvent.argtypes = [_POINTER, ctypes.c_int, ctypes.c_int, ctypes.c_int, _NUMBER]
        for fake in (self._xtest.XTestFakeButtonEvent, self._xtest.XTestFakeKeyEvent):
            fake.argtypes = [_POINTER, ctypes.c_uint, ctypes.c_int, _NUMBER]
        self._opened = self._x11.XOpenDisplay(display.encode())
        assert self._opened, f"no display {display}"

    def close(self) -> None:
        self._x11.XCloseDisplay(self._opened)

    def moves(self, x: float, y: float) -> None:
        self._xtest.XTestFakeMotionEvent(self._opened, -1, round(x), round(y), 0)
        self._flush()

    def clicks(self, x: float, y: float) -> None:
        self.moves(x - 3, y - 3)
        self.moves(x, y)
        self.presses_button(1)

    def presses_button(self, number: int) -> None:
        for state in (_PRESSED, _RELEASED):
            self._xtest.XTestFakeButtonEvent(self._opened, number, state, 0)
            self._flush()

    def presses_key(self, name: str) -> None:
        code = self._x11.XKeysymToKeycode(self._opened, self._x11.XStringToKeysym(name.encode()))
        for state in (_PRESSED, _RELEASED):
            self._xtest.XTestFakeKeyEvent(self._opened, code, state, 0)
            self._flush()

    def _flush(self) -> None:
        self._x11.XFlush(self._opened)
        time.sleep(_PAUSE)


@contextmanager
def hands() -> Iterator[Hands]:
    """On a display of their own."""
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(writes,), stderr=subprocess.DEVNULL) as server:
        os.close(writes)
        try:
            with os.fdopen(reads) as told:
                found = Hands(f":{told.readline().strip()}")
            yield found
            found.close()
        finally:
            server.terminate()

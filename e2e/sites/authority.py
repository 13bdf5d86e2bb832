"""A temporary certificate authority for the tests, and how browsers are made to trust it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import trustme


class Authority:
    def __init__(self, folder: Path) -> None:
        self._own = trustme.CA()
        self._path = folder / "authority.pem"
        self._own.cert_pem.write_to_path(str(self._path))

    def server(self, hosts: Iterable[str]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._own.issue_cert(*hosts).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._own.configure_trust(context)
        return context

    def is_trusted_in(self, folder: Path) -> bool:
        """Creates an NSS database; if that is impossible, False: the browser must ignore certificate errors.

        Firefox reads the one in its profile, and Chromium on Linux `.pki/nssdb` at home. On other systems Chromium
        asks the system's own store, which is none of ours to change.
        """
        certutil = shutil.which("certutil") if sys.platform == "linux" else None
        if certutil is None:
            return False
        folder.mkdir(parents=True)
        database = ("-d", f"sql:{folder}")
        subprocess.run([certutil, "-N", *database, "--empty-password"], check=True)
        subprocess.run([certutil, "-A", *database, "-n", "tests", "-t", "C,,", "-i", str(self._path)], check=True)
        return True

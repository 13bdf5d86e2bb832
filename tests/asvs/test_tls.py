import ssl

import pytest

from portal.http.connection_pool import tls_context
from portal.smtp.smtp_client import mail_tls_context


@pytest.mark.asvs("12.1.1")
@pytest.mark.parametrize("context", [tls_context, mail_tls_context], ids=["HTTP", "mail"])
def test_own_calls_speak_tls_1_2_or_newer_and_check_certificates(context):
    made = context()
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)

from __future__ import annotations

import argparse
import logging

import httpx
from werkzeug.serving import make_server

import e2e.partner_site as manual
from e2e.partner_site import policy
from e2e.partner_site.app import create_site
from e2e.partner_site.bank import Bank


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m e2e.partner_site",
        description=manual.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8100, help="default: %(default)s")
    options.add_argument("--url", help="this site's URL for browsers (default: http://HOST:PORT)")
    options.add_argument("--portal", default="http://127.0.0.1:8000", help="default: %(default)s")
    options.add_argument(
        "--provider", default="https://verify.didit.me", help="origin of the hosted page, which the frame may show"
    )
    options.add_argument("--api-key", required=True)
    options.add_argument("--signing-secret", action="append", required=True, help="give it twice while you rotate it")
    options.add_argument("--no-permissions-policy", action="store_true", help="send none, like most sites")
    return options


def main() -> None:
    options = parser().parse_args()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    bank = Bank(
        url=options.url or f"http://{options.host}:{options.port}",
        portal=httpx.Client(base_url=options.portal, headers={"Authorization": f"Bearer {options.api_key}"}),
        signing_secrets=options.signing_secret,
    )
    headers = policy.headers(options.portal, options.provider, for_camera=not options.no_permissions_policy)
    site = create_site(bank, portal_url=options.portal, headers=headers)
    make_server(options.host, options.port, site, threaded=True).serve_forever()


if __name__ == "__main__":
    main()

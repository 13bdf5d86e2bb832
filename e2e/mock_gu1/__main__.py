from __future__ import annotations

import argparse
import logging
from typing import get_args

from werkzeug.serving import make_server

from e2e.mock_gu1.app import create_mock
from e2e.mock_gu1.settings import DEFAULT_API_KEY, DuplicateShape, Envelope


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m e2e.mock_gu1", description="A stand-in for gu1's KYC API.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9000)
    options.add_argument("--api-key", default=DEFAULT_API_KEY, help="the key that clients send (default: %(default)s)")
    options.add_argument("--public-url", help="where browsers reach the mock (default: where the API call came in)")
    options.add_argument("--return-url", help="where the hosted page sends people when they are done")
    options.add_argument("--webhook-url", help="where webhooks go (default: nowhere)")
    options.add_argument("--webhook-secret", default="", help="signs the webhooks; without it they are unsigned")
    options.add_argument("--envelope", choices=get_args(Envelope), default="v2b", help="default: %(default)s")
    options.add_argument("--duplicate-shape", choices=get_args(DuplicateShape), default="nested")
    options.add_argument("--auto-delay", type=float, default=2.0, help="seconds until automatic outcomes")
    return options


def main() -> None:
    options = vars(parser().parse_args())
    host, port = options.pop("host"), options.pop("port")
    logging.basicConfig(level=logging.WARNING, format="mock gu1: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(host, port, create_mock(**options), threaded=True)
    print(f"mock gu1 API on http://{host}:{server.port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()

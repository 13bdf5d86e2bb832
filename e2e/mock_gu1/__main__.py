from __future__ import annotations

import argparse
import logging
from contextlib import nullcontext

import e2e.mock_gu1 as manual
from e2e.mock_gu1.api_variants import SWITCHES, table, words_of
from e2e.mock_gu1.app import create_mock
from e2e.mock_gu1.inbox import EXTENSION as INBOX
from e2e.mock_gu1.inbox import receiving
from e2e.mock_gu1.kinds import KINDS
from e2e.mock_gu1.operations import OPERATIONS
from e2e.mock_gu1.server import MockServer
from e2e.mock_gu1.settings import DEFAULT_API_KEY, DEFAULT_INTEGRATION_CODE, DEFAULT_ORGANIZATION_ID


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m e2e.mock_gu1",
        description=manual.__doc__,
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] [--SWITCH WORD …]",
    )
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9000, help="default: %(default)s; 0 takes a free one")
    options.add_argument("--smtp-port", type=int, help="takes mails there and shows them at /mails (default: no mails)")
    options.add_argument("--api-key", default=DEFAULT_API_KEY, help="the key that clients send (default: %(default)s)")
    options.add_argument("--organization-id", default=DEFAULT_ORGANIZATION_ID, help="default: %(default)s")
    options.add_argument("--integration-code", default=DEFAULT_INTEGRATION_CODE, help="default: %(default)s")
    options.add_argument("--public-url", help="the mock's URL for browsers (default: the host of the API call)")
    options.add_argument("--return-url", help="URL to which the hosted page returns people at the end")
    options.add_argument("--asks-camera", action="store_true", help="the hosted page opens a camera, like the real one")
    options.add_argument("--webhook-url", help="URL for webhooks (default: none are sent)")
    options.add_argument("--webhook-secret", default="", help="signs the webhooks (default: unsigned)")
    options.add_argument("--auto-delay", type=float, default=2.0, help="seconds until automatic outcomes")
    options.add_argument("--renaper-delay", type=float, default=5.0, help="seconds between the two steps")
    options.add_argument("--seed", type=int, default=0, help="of all randomness except ids (default: %(default)s)")
    _add_switches(options)
    return options


def main() -> None:
    options = vars(parser().parse_args())
    host, port, smtp_port = options.pop("host"), options.pop("port"), options.pop("smtp_port")
    logging.basicConfig(level=logging.WARNING, format="mock gu1: %(message)s")
    mock = create_mock(**options)
    mails = receiving(mock.extensions[INBOX], host, smtp_port) if smtp_port else nullcontext()
    with mails, MockServer(host, port, mock) as server:
        print(f"mock gu1 API on {server.url}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def _add_switches(options: argparse.ArgumentParser) -> None:
    """One option per switch of the API variant; the table in the epilog describes them."""
    for switch in SWITCHES:
        names = [f"--{switch.name.replace('_', '-')}", *(["--envelope"] if switch.name == "webhook_envelope" else [])]
        words = words_of(switch) or None
        kind = str if words else int
        options.add_argument(
            *names, dest=switch.name, type=kind, choices=words, default=switch.default, help=argparse.SUPPRESS
        )


def _epilog() -> str:
    kinds = "\n".join(
        f"  {kind.name} ({', '.join(f'{name}={value}' for name, value in kind.parameters.items()) or 'no parameters'})"
        f"{' [socket]' if kind.is_raw else ''}\n      {kind.what}"
        for kind in KINDS.values()
    )
    return (
        "switches of the API variant, each an option (--renaper two_steps); the first word is the default:\n"
        f"{table()}\n\nkinds of faults, with their parameters' defaults:\n{kinds}\n\n"
        f"operations of faults: * {' '.join(OPERATIONS)}"
    )


if __name__ == "__main__":
    main()

"""What each worker process of the server runs: the pages over RSGI, and the runner."""

from __future__ import annotations

from multiprocessing.util import Finalize

from flask import Flask

from portal.app import create_app, runner_of
from portal.config import Config
from portal.logs import set_up_logging
from portal.settings import load_config
from portal.web.connection_guard import ConnectionGuard
from portal.web.flask_app import over_rsgi
from portal.web.rsgi_adapter import RsgiAdapter


def serving_app() -> RsgiAdapter:
    config = load_config()
    set_up_logging(config.log_level)
    return served(create_app(config), config)


def served(app: Flask, config: Config) -> RsgiAdapter:
    runner = runner_of(app)
    runner.start()
    # Before the interpreter stops its thread pools, which running steps need to save their outcome.
    Finalize(None, runner.stop, exitpriority=1)
    if not config.trusted_proxies:  # all connections are of a proxy otherwise
        ConnectionGuard(app.extensions["portal"].refusals.count).start()
    return over_rsgi(app, config)

"""The Flask application with all pages and endpoints; `portal.app` adds what is behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from jinja2 import StrictUndefined

from portal.config import Config
from portal.web.applicant.cacheable_pages import StatusPages, form
from portal.web.applicant.pages import applicant
from portal.web.applicant.partner_return import partner_return
from portal.web.applicant.second_device import second_device
from portal.web.assets import init_assets
from portal.web.branding import brand, branding
from portal.web.context import Portal
from portal.web.embed.script import init_embed
from portal.web.error_pages import init_errors
from portal.web.flood_guard import init_flood_guard
from portal.web.forwarded_headers import ForwardedHeaders
from portal.web.framing import init_framing
from portal.web.header_policy import always
from portal.web.i18n import init_i18n
from portal.web.in_app_browser import in_app_browser
from portal.web.last_resort import LastResort
from portal.web.mail_stop import gets_mails, mails
from portal.web.operations.probes import alive, operations
from portal.web.partner_api.endpoints import partner_api
from portal.web.privacy_notice import accessibility_link, privacy, privacy_link
from portal.web.read_ahead import ReadAhead
from portal.web.request_id_header import RequestIdHeader
from portal.web.response_cache import ResponseCache
from portal.web.rsgi_adapter import RsgiAdapter
from portal.web.security import init_security
from portal.web.timed_requests import TimedRequests, init_routes
from portal.web.tolerant_request import TolerantRequest
from portal.web.webhook.on_the_loop import apply_welcome, recognise
from portal.web.webhook.receiver import webhook

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PACKAGE = Path(__file__).parent.parent


def make_flask(config: Config) -> Flask:
    app = Flask("portal", static_folder=None, template_folder=str(folder("templates")))
    app.request_class = TolerantRequest
    app.url_map.merge_slashes = False  # it redirects to an address made of the request's
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    inside = ForwardedHeaders(_remembering(app, config), hops=config.trusted_proxies)
    timed = TimedRequests(LastResort(inside), lambda: app.extensions["portal"].metrics, logs_each=config.access_log)
    app.wsgi_app = RequestIdHeader(timed)  # type: ignore[method-assign]
    init_routes(app)  # before what may refuse the request
    init_security(app, base_url=config.base_url, hsts_subdomains=config.hsts_subdomains)
    init_flood_guard(app)
    init_i18n(app, translations=str(PACKAGE / "translations"), default_locale=config.default_locale)
    init_assets(app, folder("static"))
    init_framing(app, config.gu1_provider_hosts)
    init_embed(app, folder("static") / "embed")
    init_errors(app)
    app.jinja_env.globals.update(
        in_app_browser=in_app_browser,
        base_url=config.base_url,
        brand=brand,
        privacy_link=privacy_link,
        accessibility_link=accessibility_link,
        gets_mails=gets_mails,
    )
    for blueprint in (
        applicant,
        branding,
        partner_return,
        second_device,
        privacy,
        mails,
        partner_api,
        webhook,
        operations,
    ):
        app.register_blueprint(blueprint)
    return app


def over_rsgi(app: Flask, config: Config) -> RsgiAdapter:
    here = app.extensions["portal"]
    return RsgiAdapter(
        app,
        ReadAhead(here),
        lambda environ: apply_welcome(environ, here),
        client_address=ForwardedHeaders(app, hops=config.trusted_proxies).client_address,
        headers=always(config.base_url, hsts_subdomains=config.hsts_subdomains),
        on_refusal=here.refusals.count,
    )


def _remembering(app: Flask, config: Config) -> WSGIApplication:
    def portal() -> Portal:
        return app.extensions["portal"]  # type: ignore[no-any-return]

    status = StatusPages()
    recognisers = {"GET": (status.poll, status.page, form, alive), "POST": (recognise,)}
    return ResponseCache(app.wsgi_app, recognisers, portal=portal, base_url=config.base_url)


def folder(name: str) -> Path:
    """In the package if installed from a wheel, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name

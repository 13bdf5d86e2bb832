"""The proxy through which calls leave the network, and the hosts that are reached without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from portal.domain.web_addresses import ascii_host, is_loopback, split_web_url


@dataclass(frozen=True, slots=True)
class EgressProxy:
    url: str
    """Without user name and password."""
    user: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password."""
    direct: tuple[str, ...] = ()
    """Each in the form of `parsed_direct_host`."""

    @classmethod
    def parsed(cls, url: str, direct: Iterable[str] = ()) -> EgressProxy:
        """Raises `ValueError`, without the URL in its text."""
        try:
            parts = urlsplit(url)
        except ValueError:  # its text can quote the password
            raise ValueError("is not a URL") from None
        authority = parts.netloc.rpartition("@")[2]
        bare = split_web_url(parts._replace(netloc=authority).geturl())
        if bare.path not in {"", "/"} or bare.query or bare.fragment:
            raise ValueError("must be a scheme, a host and a port, without a path")
        user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        return cls(f"{bare.scheme}://{bare.netloc}", user, tuple(map(parsed_direct_host, direct)))

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("https:")

    def is_for(self, host: str) -> bool:
        """Whether a host, in its ASCII form and without brackets, is reached through the proxy.

        Loopback never is: a proxy would look for it on its own machine.
        """
        return not is_loopback(host) and not any(_matches(host, it) for it in self.direct)


def parsed_direct_host(text: str) -> str:
    """A name, which stands for all names below it too, an address or a network. Raises `ValueError`."""
    network = _network(text)
    return str(network) if network else ascii_host(text.removeprefix("*").removeprefix("."))


def _matches(host: str, direct: str) -> bool:
    network = _network(direct)
    if network is None:
        return host == direct or host.endswith(f".{direct}")
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None

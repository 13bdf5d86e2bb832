"""How many verifications strangers may start: what is only counted, what costs them effort, and what is refused.

Whoever shares an address with thousands, as behind a mobile carrier's NAT, is never refused because of them. Above a
limit the browser has to work for some seconds (`proof_of_work`), or the person to wait; each doubling costs more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MOST_EFFORT = 5
"""With this, no limit that can be worked off holds."""
_NETWORK_OF_ONE_CUSTOMER = 56


@dataclass(frozen=True, slots=True)
class StartLimits:
    """None: no limit."""

    address_hourly: int | None = None
    document_daily: int | None = None
    daily: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCounter:
    key: str
    lasts: timedelta
    limit: int | None = None
    effort: int | None = None
    """What was done to exceed the limit; None if nothing helps."""
    only_above: bool = False
    """Whether it counts only the starts that are above the limit of a counter before it."""

    def admits(self, used: int) -> bool:
        """`used`: with this start."""
        if self.limit is None or used <= self.limit:
            return True
        return self.effort is not None and self.effort_for(used) <= self.effort

    def effort_for(self, used: int) -> int:
        """0 within the limit; 1 up to twice as many, 2 up to four times, and so on."""
        if self.limit is None or used <= self.limit:
            return 0
        return min(MOST_EFFORT, math.ceil(math.log2(used / max(1, self.limit))) or 1)


def half_of(limit: int) -> int:
    """What starts above other limits may take of a day's, so that whoever works or waits does not use it all up."""
    return max(1, limit // 2)


def address_block(address: str) -> str:
    """What belongs to one customer of a network: an IPv4 address, or an IPv6 network of 56 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed.packed, _NETWORK_OF_ONE_CUSTOMER), strict=False))

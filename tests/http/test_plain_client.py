import asyncio

import httpx
import pytest

from portal.http.connection_pool import ConnectionPool
from portal.http.plain_client import PlainClient


@pytest.mark.parametrize("host", ["xn--a.example", "xn--99999999.example", "[::1", "a\x00b"])
def test_a_host_that_is_none_is_an_invalid_url(host):
    async def ask():
        client = PlainClient(ConnectionPool(0), headers={}, timeout=1.0, connect_timeout=1.0, base_url=f"http://{host}")
        async with client.stream("GET", "/"):
            pass

    with pytest.raises(httpx.InvalidURL):
        asyncio.run(ask())

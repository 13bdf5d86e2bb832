"""Partners, portal and provider on separate HTTPS sites on one machine, and the browsers that visit them.

Browsers reach every site through one proxy (`front.py`) that knows only these hosts: the machine's settings stay
unchanged, and any request to another host is detected. As in production, no URL has a port. The browsers trust a
temporary certificate authority (`authority.py`).
"""

"""Partners, portal and provider on separate HTTPS sites on one machine, and the browsers that visit them.

Browsers reach every site through one proxy (`front.py`), which is told the names and needs no others: nothing of
the machine's own is changed, and a page that loads anything else is seen at once. As in production, no address has
a port. A browser works together with a certificate authority of a moment (`authority.py`).
"""

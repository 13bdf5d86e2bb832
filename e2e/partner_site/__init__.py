"""A partner of the portal: a small bank that opens accounts for people whom the portal has verified.

    python -m e2e.partner_site --portal http://127.0.0.1:8000 --api-key kyc_… --signing-secret whsec_…

`bank.py` is what a site has to do, `app.py` are its pages, `policy.py` the headers of a page with a frame, and
`signatures.py` can be copied as it is. None of them imports anything of the portal. What a real site keeps in its
database, and whom it knows by its customer's session, stands in memory here.
"""

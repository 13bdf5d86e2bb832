"""A partner of the portal: a small bank that opens accounts for people whom the portal has verified.

    python -m e2e.partner_site --portal http://127.0.0.1:8000 --api-key kyc_… --signing-secret whsec_…

`bank.py` is what a site must do, `app.py` has its pages, `policy.py` the headers of a page with a frame, and
`signatures.py` can be copied as it is. None of them imports the portal. A real site would use a database and its
customers' sessions; this one keeps everything in memory.
"""

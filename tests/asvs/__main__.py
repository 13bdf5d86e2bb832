"""`python -m tests.asvs`: writes docs/asvs.md."""

import sys

from tests.asvs.verification import PAGE, page, verification

found = verification()
PAGE.write_text(page(found), "utf-8")
sys.stdout.write(f"{found.tested} of {len(found.requirements)} tested\n")
for problem in (*found.not_shown, *found.unknown):
    sys.stdout.write(f"shown by nothing, or unknown: {problem}\n")

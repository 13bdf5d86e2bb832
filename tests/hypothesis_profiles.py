"""How hard the generated tests try: HYPOTHESIS_PROFILE is `quick` or `usual`, the same each time, or `thorough`.

`make test` is quick, `make test-all` usual, `make properties` thorough.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

settings.register_profile("quick", max_examples=100, deadline=None, derandomize=True, suppress_health_check=_SLOW)
settings.register_profile("usual", max_examples=500, deadline=None, derandomize=True, suppress_health_check=_SLOW)
settings.register_profile("thorough", max_examples=10_000, deadline=None, suppress_health_check=_SLOW, print_blob=True)

many = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
"""A decorator for tests over what gu1 might send."""

some = settings(many, max_examples=many.max_examples // 10)
"""A decorator for tests that write to a database each time."""

"""How much the first page may weigh, for the tests and for the bench of its paint."""

FIRST_PAGE_BYTES = 26_500
"""As sent, with its scripts and styles."""

"""The version of the consent text; raise it whenever the text changes."""

CONSENT_VERSION = "2027-02"

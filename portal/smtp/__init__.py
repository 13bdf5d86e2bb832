"""Mail goes out by SMTP."""

"""Formats with markup: where their records end, and what text is in them."""

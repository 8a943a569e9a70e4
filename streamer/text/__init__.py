"""Text → words."""

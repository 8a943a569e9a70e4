"""Text into words."""

"""The documentation is checked against the product."""

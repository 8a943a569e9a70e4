"""The nodes of a Ray cluster, with real Ray."""

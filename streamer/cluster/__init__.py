"""Pure functions on the nodes of a Ray cluster, or of Ray on this machine. Only ``driver.py`` imports Ray."""

from streamer.cluster.nodes import Nodes, check, connect

__all__ = ["Nodes", "check", "connect"]

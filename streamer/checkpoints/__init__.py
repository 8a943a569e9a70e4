"""Checkpoints: trees of arrays and scalars, each kept in one HDF5 file that is published by one rename.

Knows nothing of what is in a tree.
"""

from streamer.checkpoints.format import Damaged, Tree, decode, encode, seal, snapshot, verify
from streamer.checkpoints.store import Checkpoint, Store

__all__ = ["Checkpoint", "Damaged", "Store", "Tree", "decode", "encode", "seal", "snapshot", "verify"]

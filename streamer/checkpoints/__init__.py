"""Checkpoints: trees of arrays and scalars, each in one HDF5 file that one rename publishes.

This package does not know what is in a tree, except the version of the format.
"""

from streamer.checkpoints.format import FORMAT_VERSION, Damaged, Newer, decode, encode, seal, verify
from streamer.checkpoints.image import Image, Tree
from streamer.checkpoints.store import Checkpoint, Store

__all__ = [
    "FORMAT_VERSION",
    "Checkpoint",
    "Damaged",
    "Image",
    "Newer",
    "Store",
    "Tree",
    "decode",
    "encode",
    "seal",
    "verify",
]

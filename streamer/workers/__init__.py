"""Who computes: this process, or others on this machine that share its memory, behind one protocol of five methods.

No code outside this package names a kind of worker.
"""

from streamer.workers.protocol import Nodes, Workers
from streamer.workers.start import Connect, Start, in_this_process, starter

__all__ = ["Connect", "Nodes", "Start", "Workers", "in_this_process", "starter"]

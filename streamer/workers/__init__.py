"""Who computes: this process, or others on this machine that share its memory, behind one protocol of five methods.

Nobody outside this room names a kind of worker.
"""

from streamer.workers.here import Here
from streamer.workers.protocol import Workers
from streamer.workers.start import Start, starter

__all__ = ["Here", "Start", "Workers", "starter"]

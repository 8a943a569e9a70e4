"""Workers: this process, or others on this machine that share its memory, behind one protocol of five methods.

No code outside this package names a kind of worker.
"""

from streamer.workers.here import Here
from streamer.workers.protocol import Workers
from streamer.workers.start import Start, starter

__all__ = ["Here", "Start", "Workers", "starter"]

"""Other processes that train beside each other on shared memory: Python's lock lets threads do so only by halves."""

from streamer.workers.team import Team

__all__ = ["Team"]

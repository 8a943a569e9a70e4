"""Everything that was learned, as one object and as one tree. Only this package knows the keys of a checkpoint."""

from streamer.state.copies import Room
from streamer.state.epochs import EpochLosses
from streamer.state.history import History
from streamer.state.initial import InitialVectors
from streamer.state.scores import Score, Scores
from streamer.state.state import State

__all__ = ["EpochLosses", "History", "InitialVectors", "Room", "Score", "Scores", "State"]

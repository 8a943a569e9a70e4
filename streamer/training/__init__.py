"""Training from Python: the trainer, the schedule of blocks under way, and the initial vectors of a new model."""

from streamer.training.schedule import WORTH_SHARING, WORTH_WORKERS, Schedule
from streamer.training.trainer import Trainer

__all__ = ["WORTH_SHARING", "WORTH_WORKERS", "Schedule", "Trainer"]

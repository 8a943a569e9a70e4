"""Training as Python sees it: the trainer, the schedule of blocks under way, and what a new model may begin with."""

from streamer.training.schedule import WORTH_WORKERS, Schedule
from streamer.training.trainer import Trainer

__all__ = ["WORTH_WORKERS", "Schedule", "Trainer"]

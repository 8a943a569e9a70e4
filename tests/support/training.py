"""Training one block at a time, as the service does."""

from __future__ import annotations

from streamer.model.learner import BlockReport
from streamer.training import Trainer


def train_text(trainer: Trainer, text: str, *, epoch: int = 0) -> BlockReport:
    """Let a trainer learn from one block of text, in whatever epoch, and return the report of it."""
    reports: list[BlockReport] = []
    encoded = trainer._tokenizer.encode(text)
    trainer._schedule.train(encoded, epoch=epoch, then=lambda report, _: reports.append(report))
    trainer._schedule.drain()
    return reports[0]

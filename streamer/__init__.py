"""Word vectors, trained with NumPy on text that keeps coming. You can kill the trainer at any moment.

>>> import streamer
>>> vectors = streamer.load("checkpoints")            # doctest: +SKIP
>>> vectors.most_similar("king", topn=10)             # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamer.version import __version__

if TYPE_CHECKING:
    from streamer.answers.explaining import explain
    from streamer.answers.past import past
    from streamer.errors import StreamerError
    from streamer.state.reading import load
    from streamer.training.trainer import Trainer
    from streamer.vectors import WordVectors

__all__ = ["StreamerError", "Trainer", "WordVectors", "__version__", "explain", "load", "past"]

_MODULES = {
    "StreamerError": "streamer.errors",
    "Trainer": "streamer.training.trainer",
    "WordVectors": "streamer.vectors",
    "explain": "streamer.answers.explaining",
    "load": "streamer.state.reading",
    "past": "streamer.answers.past",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``--help`` does not wait for NumPy."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__

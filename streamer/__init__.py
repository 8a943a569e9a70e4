"""Word vectors that stay alive: trained on text as it arrives, safe to kill, in NumPy.

>>> import streamer
>>> vectors = streamer.load("checkpoints")            # doctest: +SKIP
>>> vectors.most_similar("king", topn=10)             # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamer.errors import StreamerError
    from streamer.reading import load
    from streamer.trainer import Trainer
    from streamer.vectors import WordVectors

__version__ = "0.1.0"
__all__ = ["StreamerError", "Trainer", "WordVectors", "__version__", "load"]

_HOMES = {
    "StreamerError": "streamer.errors",
    "Trainer": "streamer.trainer",
    "WordVectors": "streamer.vectors",
    "load": "streamer.reading",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: ``--help`` should not wait for NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

"""All settings: their names, types, defaults, bounds and help.

Flags, environment variables, TOML files and Python all use these classes, so every value is checked in the same way.
:class:`ModelSettings` shape the model and are stored with it. :class:`RunSettings` control one process and may change
at every start.
"""

from streamer.settings.amounts import AMOUNTS, as_amount, in_bytes
from streamer.settings.durations import DURATIONS, as_duration, seconds
from streamer.settings.every import Every, every
from streamer.settings.fields import distinct_lines, flag, invalid
from streamer.settings.levels import Level, kept, levels
from streamer.settings.model import BOUNDS, LINES, TOKENIZERS, ModelSettings
from streamer.settings.reading import model_settings, names, read_lines, read_toml
from streamer.settings.run import DEFAULT_EXCLUDE, FORMATS, RunSettings, available_cores
from streamer.settings.sizing import Extent, expected_disk, expected_memory, most_kept, rounded_up, within

DEFAULT_CHECKPOINTS = "checkpoints"

__all__ = [
    "AMOUNTS",
    "BOUNDS",
    "DEFAULT_CHECKPOINTS",
    "DEFAULT_EXCLUDE",
    "DURATIONS",
    "FORMATS",
    "LINES",
    "TOKENIZERS",
    "Every",
    "Extent",
    "Level",
    "ModelSettings",
    "RunSettings",
    "as_amount",
    "as_duration",
    "available_cores",
    "distinct_lines",
    "every",
    "expected_disk",
    "expected_memory",
    "flag",
    "in_bytes",
    "invalid",
    "kept",
    "levels",
    "model_settings",
    "most_kept",
    "names",
    "read_lines",
    "read_toml",
    "rounded_up",
    "seconds",
    "within",
]

"""All settings: their names, types, defaults, bounds and help.

Flags, environment variables, TOML files and Python all use these classes, so every value is checked in the same way.
:class:`ModelSettings` shape the model and are stored with it. :class:`RunSettings` control one process and may change
at every start.
"""

from streamer.settings.durations import DURATIONS, as_duration, seconds
from streamer.settings.fields import distinct_lines, flag, invalid
from streamer.settings.model import BOUNDS, LINES, TOKENIZERS, ModelSettings
from streamer.settings.reading import model_settings, names, read_lines, read_toml
from streamer.settings.run import DEFAULT_EXCLUDE, FORMATS, RunSettings, available_cores

DEFAULT_CHECKPOINTS = "checkpoints"

__all__ = [
    "BOUNDS",
    "DEFAULT_CHECKPOINTS",
    "DEFAULT_EXCLUDE",
    "DURATIONS",
    "FORMATS",
    "LINES",
    "TOKENIZERS",
    "ModelSettings",
    "RunSettings",
    "as_duration",
    "available_cores",
    "distinct_lines",
    "flag",
    "invalid",
    "model_settings",
    "names",
    "read_lines",
    "read_toml",
    "seconds",
]

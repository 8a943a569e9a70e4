"""Pictures of a model: how it went over the stream, and where its words lie. All of matplotlib is in here."""

from streamer.plots.curves import draw_history
from streamer.plots.figures import FORMATS, save
from streamer.plots.maps import Map, draw_map

__all__ = ["FORMATS", "Map", "draw_history", "draw_map", "save"]

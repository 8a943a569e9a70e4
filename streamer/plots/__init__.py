"""Pictures of a model: the history of its training, and a map of its words. Only this package uses matplotlib."""

from streamer.plots.curves import draw_history
from streamer.plots.figures import FORMATS, save
from streamer.plots.maps import Map, draw_map

__all__ = ["FORMATS", "Map", "draw_history", "draw_map", "save"]

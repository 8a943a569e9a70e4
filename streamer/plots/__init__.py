"""Pictures of a model: the history of its training, a map of its words, a word over time.

Only this package uses matplotlib.
"""

from streamer.plots.curves import draw_history
from streamer.plots.figures import FORMATS, save
from streamer.plots.maps import Map, draw_map
from streamer.plots.timelines import draw_timeline

__all__ = ["FORMATS", "Map", "draw_history", "draw_map", "draw_timeline", "save"]

"""Reading a trained model: neighbours, evaluation, export. It knows words, vectors and counts, not how they came."""

from streamer.vectors.evaluation import AnalogyScores, PairScores, SectionScores
from streamer.vectors.export import FORMATS, write, write_to
from streamer.vectors.spelling import UnknownWord
from streamer.vectors.word_vectors import WordVectors

__all__ = ["FORMATS", "AnalogyScores", "PairScores", "SectionScores", "UnknownWord", "WordVectors", "write", "write_to"]

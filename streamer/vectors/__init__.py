"""Reading vectors, ours and others: neighbours, evaluation, export. It knows words, vectors and counts, no more."""

from streamer.vectors.evaluation import AnalogyScores, PairScores, SectionScores
from streamer.vectors.export import FORMATS, write, write_to
from streamer.vectors.published import PublishedVectors, read_word2vec_format
from streamer.vectors.spelling import UnknownWord
from streamer.vectors.word_vectors import WordVectors

__all__ = [
    "FORMATS",
    "AnalogyScores",
    "PairScores",
    "PublishedVectors",
    "SectionScores",
    "UnknownWord",
    "WordVectors",
    "read_word2vec_format",
    "write",
    "write_to",
]

"""Using vectors: neighbours, evaluation, export, published files. It knows only words, vectors and counts."""

from streamer.vectors.evaluation import AnalogyScores, PairScores, SectionScores
from streamer.vectors.export import FORMATS, write, write_to
from streamer.vectors.spelled import SpelledVectors
from streamer.vectors.spelling import UnknownWord
from streamer.vectors.word2vec_files import FileVectors, read_word2vec_format
from streamer.vectors.word_vectors import WordVectors

__all__ = [
    "FORMATS",
    "AnalogyScores",
    "FileVectors",
    "PairScores",
    "SectionScores",
    "SpelledVectors",
    "UnknownWord",
    "WordVectors",
    "read_word2vec_format",
    "write",
    "write_to",
]

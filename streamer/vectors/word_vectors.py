"""Words and their vectors, read-only, under the names of gensim's ``KeyedVectors``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from streamer.vectors import evaluation, export, similarity, transport
from streamer.vectors.left_out import LEFT_OUT
from streamer.vectors.search import Search
from streamer.vectors.similarity import Entry, Floats, Key, normalised
from streamer.vectors.spelled import SpelledVectors
from streamer.vectors.word2vec_files import read_word2vec_format

Given = TypeVar("Given", bound=Key)


class WordVectors(Search):
    """A table of vectors with queries, under the names of gensim's ``KeyedVectors``."""

    @classmethod
    def load_word2vec_format(
        cls, path: str | Path, *, binary: bool | None = None, limit: int | None = None
    ) -> WordVectors:
        """Return the vectors of a file of word2vec or GloVe: see :func:`.word2vec_files.read_word2vec_format`.

        Such files have no counts: as in gensim, the count of each word is one more than that of the next.
        """
        found = read_word2vec_format(path, limit, binary)
        return cls(found.words, found.vectors, np.arange(len(found.words), 0, -1), copy=False)

    def __repr__(self) -> str:
        source = f", from {self.checkpoint.name}" if self.checkpoint else ""
        return f"<{type(self).__name__}: {len(self):,} words, {self.vector_size} dimensions{source}>"

    if not TYPE_CHECKING:  # or mypy would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Raise the usual error; for a name of gensim's that is left out, it says what to use instead."""
            hint = f": {LEFT_OUT[name]}" if name in LEFT_OUT else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def spelled(self, blend: float = 10) -> SpelledVectors[WordVectors]:
        """Return a view that also estimates vectors of words never met, from the words most alike in spelling.

        Args:
            blend: How much words met rarely lean on their spelling: see :class:`.spelled.SpelledVectors`.

        """
        return SpelledVectors(self, blend)

    def similarity(self, w1: Key, w2: Key) -> float:
        """Return the cosine similarity of two words. Raises :class:`UnknownWord`."""
        one, other = self.get_vector(w1), self.get_vector(w2)
        scale = math.sqrt(float(one @ one) * float(other @ other))
        return float(one @ other) / scale if scale else 0.0

    def distance(self, w1: Key, w2: Key) -> float:
        """Return one minus the cosine similarity of two words. Raises :class:`UnknownWord`."""
        return 1.0 - self.similarity(w1, w2)

    def n_similarity(self, ws1: Key | Sequence[Key], ws2: Key | Sequence[Key]) -> float:
        """Return the cosine similarity of the means of two lists of words; unknown words are left out."""
        one, other = (self.get_mean_vector(words, None, pre_normalize=False) for words in (ws1, ws2))
        return float(normalised(one) @ normalised(other))

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return the cosine of two words, over the sum of the cosines of the first with its nearest words.

        With ten of them, more than 0.10 speaks for a synonym (Leeuwenberg, Vela, Dehdari and van Genabith, 2016,
        equation 1). For a zero vector it is 0.

        Args:
            wa: The word whose neighbours are taken.
            wb: The word that is compared with it.
            topn: How many neighbours.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If there are no neighbours, because ``topn`` is below 1 or there is no other word.

        """
        near = self.similar_by_key(wa, topn)
        if not near:
            raise ValueError("relative_cosine_similarity needs at least one neighbour")
        total = sum(cosine for _, cosine in near)
        return self.similarity(wa, wb) / total if total else 0.0

    def wmdistance(self, document1: Sequence[Key], document2: Sequence[Key], norm: bool = True) -> float:
        """Return the word mover's distance of two lists of words (Kusner, Sun, Kolkin and Weinberger, 2015).

        It is the least mean distance that the words of one list have to be moved to become those of the other. Unknown
        words are left out. It takes a few milliseconds for a hundred words, and a tenth of a second for a thousand.

        Args:
            document1: Words; each counts as often as it comes.
            document2: The same.
            norm: Whether to scale vectors to length one.

        Returns:
            The distance; infinity if a list has no known word.

        """
        found = [[self._find(word) for word in similarity.keys(words)] for words in (document1, document2)]
        known = [[index for index in indices if index is not None] for indices in found]
        if not all(known):
            return math.inf
        (ones, supply), (others, demand) = (np.unique(each, return_counts=True) for each in known)
        one, other = (self.vectors[each].astype(np.float64) for each in (ones, others))
        if norm:
            one, other = normalised(one), normalised(other)
        # Row by row: differences are exactly zero for equal words, as products would not be, and all take much memory.
        costs = np.array([np.sqrt(((other - vector) ** 2).sum(axis=1)) for vector in one])
        sizes = [len(each) for each in known]
        return transport.least_cost(supply * sizes[1], demand * sizes[0], costs) / (sizes[0] * sizes[1])

    def distances(self, word_or_vector: Entry, other_words: Sequence[Key] = ()) -> Floats:
        """Return one minus the cosine to each of some words, (n,) float32; to all, (V,), if none are given."""
        direction = normalised(self._vector(word_or_vector, norm=False)).astype(np.float32)
        if not len(other_words):
            return 1 - self._cosines(direction)
        return 1 - normalised(self[other_words]) @ direction

    @staticmethod
    def cosine_similarities(vector_1: npt.ArrayLike, vectors_all: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the cosines between a vector, (D,), and each of others, (n, D): (n,). Zero vectors have cosine 0."""
        found: npt.NDArray[Any] = normalised(np.asarray(vectors_all)) @ normalised(np.asarray(vector_1))
        return found

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """Return the words that are nearer to the first word than the second is, most frequent first."""
        return [self.index_to_key[index] for index in self._closer(key1, key2).tolist()]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return the rank of the second word among the neighbours of the first, from 1."""
        return len(self._closer(key1, key2)) + 1

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Given]) -> Given:
        """Return which of some words is nearest to a word; of equally near ones, the first."""
        if not keys_list:
            raise ValueError("most_similar_to_given needs at least one word to choose from")
        return keys_list[int(np.argmin(self.distances(key1, keys_list)))]

    def rank_by_centrality(self, words: Sequence[Given], use_norm: bool = True) -> list[tuple[float, Given]]:
        """Return some words with their cosines to the mean of all of them, the nearest first.

        Args:
            words: The words; unknown ones are left out.
            use_norm: Whether to scale their vectors to length one. If not, longer ones count for more in the mean, and
                the products with its direction are returned, not cosines.

        Raises:
            ValueError: If no word is known.

        """
        known: list[Given] = [word for word in similarity.keys(words) if word in self]
        if not known:
            raise ValueError("at least one known word is needed")
        vectors = normalised(self[known]) if use_norm else self[known]
        products = vectors @ self.get_mean_vector(known, pre_normalize=use_norm, post_normalize=True)
        return sorted(zip(products.tolist(), known, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[Given]) -> Given:
        """Return which of some words is farthest from their mean; unknown words are left out."""
        return self.rank_by_centrality(words)[-1][1]

    def evaluate_word_pairs(self, path: str | Path, **options: Any) -> evaluation.PairScores:
        """Correlate cosines with human scores of word pairs: see :func:`.evaluation.word_pairs`."""
        return evaluation.word_pairs(self, path, **options)

    def evaluate_word_analogies(
        self, path: str | Path, restrict_vocab: int | None = 300_000, **options: Any
    ) -> evaluation.AnalogyScores:
        """Count the solved analogies: see :func:`.evaluation.word_analogies`."""
        return evaluation.word_analogies(self, path, restrict_vocab, **options)

    def save_word2vec_format(self, path: str | Path, *, binary: bool = False) -> None:
        """Write the vectors in word2vec's text or binary format: see :func:`.export.write`."""
        export.write(self, path, "word2vec-binary" if binary else "word2vec")

    def _closer(self, key1: Key, key2: Key) -> npt.NDArray[np.intp]:
        """Return the indices of the words that are nearer to the first word than the second is."""
        distances = self.distances(key1)
        closer = distances < distances[self.get_index(key2)]
        closer[self.get_index(key1)] = False
        return np.flatnonzero(closer)

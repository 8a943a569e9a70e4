"""To search all words for the nearest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from streamer.vectors import similarity
from streamer.vectors.lookup import Lookup
from streamer.vectors.similarity import Entry, Floats, Key, Weighted, entries, listed, normalised

Neighbours: TypeAlias = list[tuple[str, float]]
Rows: TypeAlias = slice | npt.NDArray[np.intp]
"""Which words can be answers: from one index to another, or those with these indices, in order."""

_PIECE = 16 * 2**20  # cosines computed at once by a batch: 64 MB
_EPSILON = np.float32(1e-6)  # so that nothing is divided by zero, as in gensim; Levy and Goldberg have 0.001


class Search(Lookup):
    """A table in which you can search for the nearest words. Every word is compared, exactly."""

    @overload
    def most_similar(
        self,
        positive: Weighted | Sequence[Weighted] | None = None,
        negative: Weighted | Sequence[Weighted] | None = None,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        *,
        among: Key | Iterable[Key] | None = None,
    ) -> Neighbours: ...

    @overload
    def most_similar(
        self,
        positive: Weighted | Sequence[Weighted] | None = None,
        negative: Weighted | Sequence[Weighted] | None = None,
        *,
        topn: None,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        among: None = None,
    ) -> Floats: ...

    def most_similar(
        self,
        positive: Weighted | Sequence[Weighted] | None = None,
        negative: Weighted | Sequence[Weighted] | None = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        *,
        among: Key | Iterable[Key] | None = None,
    ) -> Neighbours | Floats:
        """Return the words nearest to some words and far from others, with their cosines, the nearest first.

        Every word is compared exactly with the mean of the positive unit vectors and the negated negative ones
        (3CosAdd; Levy and Goldberg, 2014). The given words are never in the result. Of equally near words, the more
        frequent comes first.

        Args:
            positive: A word or a vector (D,), or several; vectors are used as they are, not scaled. Each may be a tuple
                with its weight, ``("king", 0.5)``; the default weight is 1.
            negative: The same; the default weight is -1, and a given weight keeps its sign.
            topn: How many words to return; None returns all cosines instead, (V,) float32, as gensim does.
            clip_start: Compare only words from this index on, in the order of frequency.
            clip_end: Compare only words before this index; None or 0 for all.
            restrict_vocab: Compare only this many of the most frequent words; clips do not count then.
            among: Compare only these words. Unknown ones are left out: no answer could be one of them.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If nothing is given, a vector has other dimensions, or ``among`` comes with ``topn=None``.

        """
        if topn is not None and topn < 1:
            return []
        given, weights = similarity.weighted(entries(positive), entries(negative))
        target = self.get_mean_vector(given, weights, post_normalize=True, ignore_missing=False)
        rows = self._rows(clip_start, clip_end, restrict_vocab, among, topn)
        cosines = self._cosines(target, rows)
        return cosines if topn is None else self._named(cosines, rows, self._indices(given), topn)

    @overload
    def most_similar_cosmul(
        self,
        positive: Entry | Sequence[Entry] | None = None,
        negative: Entry | Sequence[Entry] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
        *,
        among: Key | Iterable[Key] | None = None,
    ) -> Neighbours: ...

    @overload
    def most_similar_cosmul(
        self,
        positive: Entry | Sequence[Entry] | None = None,
        negative: Entry | Sequence[Entry] | None = None,
        *,
        topn: None,
        restrict_vocab: int | None = None,
        among: None = None,
    ) -> Floats: ...

    def most_similar_cosmul(
        self,
        positive: Entry | Sequence[Entry] | None = None,
        negative: Entry | Sequence[Entry] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
        *,
        among: Key | Iterable[Key] | None = None,
    ) -> Neighbours | Floats:
        """Return the words nearest to some words and far from others: their cosines are multiplied, not added.

        The score of a word is the product of its cosines with the positive words, over that with the negative ones;
        each cosine c counts as (c + 1) / 2, so that none is below zero (3CosMul; Levy and Goldberg, 2014, equation 4
        and footnote 7). No single large cosine decides, as it may in :meth:`most_similar`.

        Args:
            positive: A word or a vector (D,), or several; vectors are used as they are, not scaled.
            negative: The same.
            topn: How many words to return; None returns all scores instead, (V,) float32.
            restrict_vocab: As in :meth:`most_similar`.
            among: As in :meth:`most_similar`.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If nothing positive is given, there are weights, a vector has other dimensions, or ``among``
                comes with ``topn=None``.

        """
        if topn is not None and topn < 1:
            return []
        over, under = listed(positive), listed(negative)
        if not over:
            raise ValueError("at least one positive word or vector is needed")
        if any(isinstance(entry, tuple) for entry in over + under):
            raise ValueError("most_similar_cosmul takes no weights")
        rows = self._rows(0, None, restrict_vocab, among, topn)
        scores = self._product(over, rows)
        scores /= self._product(under, rows) + _EPSILON
        return scores if topn is None else self._named(scores, rows, self._indices(over + under), topn)

    @overload
    def similar_by_key(self, key: Key, topn: int = 10, restrict_vocab: int | None = None) -> Neighbours: ...

    @overload
    def similar_by_key(self, key: Key, topn: None, restrict_vocab: int | None = None) -> Floats: ...

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Neighbours | Floats:
        """Return the words nearest to a word, as :meth:`most_similar` does."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    @overload
    def similar_by_word(self, word: Key, topn: int = 10, restrict_vocab: int | None = None) -> Neighbours: ...

    @overload
    def similar_by_word(self, word: Key, topn: None, restrict_vocab: int | None = None) -> Floats: ...

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | Floats:
        """Return the words nearest to a word, as :meth:`most_similar` does."""
        return self.similar_by_key(word, topn, restrict_vocab)

    @overload
    def similar_by_vector(
        self, vector: npt.NDArray[Any], topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbours: ...

    @overload
    def similar_by_vector(self, vector: npt.NDArray[Any], topn: None, restrict_vocab: int | None = None) -> Floats: ...

    def similar_by_vector(
        self, vector: npt.NDArray[Any], topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbours | Floats:
        """Return the words nearest to a vector (D,), as :meth:`most_similar` does."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_batch(
        self, words: Sequence[Entry] | npt.NDArray[Any], topn: int = 10, restrict_vocab: int | None = None
    ) -> list[Neighbours]:
        """Return for each word or vector the result of :meth:`most_similar`; one matrix product computes many.

        Args:
            words: Words, vectors (D,), both, or an array of vectors, (n, D).
            topn: How many neighbours of each.
            restrict_vocab: Compare only this many of the most frequent words.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If a vector has other dimensions.

        """
        answers: list[Neighbours] = []
        given = listed(words)
        directions = np.zeros((len(given), self.vector_size), dtype=np.float32)
        for row, entry in enumerate(given):
            directions[row] = normalised(self._vector(entry, norm=False))
        rows = self._rows(0, None, restrict_vocab)
        vectors, lengths = self.vectors[rows], self._lengths[rows]
        size = max(1, _PIECE // max(1, len(vectors)))
        for start in range(0, len(given), size):
            products = directions[start : start + size] @ vectors.T
            for entry, row in zip(given[start : start + size], products, strict=True):
                row /= lengths  # noqa: PLW2901 - in place
                answers.append(self._named(row, rows, self._indices([entry]), topn))
        return answers

    def _rows(
        self,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        among: Key | Iterable[Key] | None = None,
        topn: int | None = 1,
    ) -> Rows:
        """Return which words can be answers; arguments as for :meth:`most_similar`."""
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        start, stop, _ = slice(clip_start, clip_end or None).indices(len(self))
        if among is None:
            return slice(start, max(start, stop))
        if topn is None:
            raise ValueError("among needs a topn: with None, nobody could say which cosine is whose")
        found = {self._find(key) for key in similarity.keys(among)}
        return np.array(sorted(each for each in found if each is not None and start <= each < stop), dtype=np.intp)

    def _cosines(self, direction: Floats, rows: Rows = slice(None)) -> Floats:
        """Return the cosines between some words and a unit vector, (D,)."""
        cosines: Floats = self.vectors[rows] @ direction
        cosines /= self._lengths[rows]
        return cosines

    def _product(self, given: Sequence[Entry], rows: Rows) -> Floats:
        """Return for each of n rows the product of its cosines with some words and vectors, moved to 0 to 1, (n,)."""
        product = np.ones(len(self._lengths[rows]), dtype=np.float32)
        for entry in given:
            product *= (1 + self._cosines(self._vector(entry, norm=True).astype(np.float32), rows)) / 2
        return product

    def _named(self, scores: Floats, rows: Rows, given: Iterable[int], topn: int) -> Neighbours:
        """Return the words with the largest scores, one for each row, without those whose indices are given."""
        if isinstance(rows, slice):
            found = similarity.nearest(scores, (each - rows.start for each in given if each >= rows.start), topn)
            indices = found + rows.start
        else:
            found = similarity.nearest(scores, np.flatnonzero(np.isin(rows, list(given))).tolist(), topn)
            indices = rows[found]
        words = [self.index_to_key[index] for index in indices.tolist()]
        return list(zip(words, scores[found].tolist(), strict=True))

"""Names of gensim's ``KeyedVectors`` that :class:`.WordVectors` does not have, and what to use instead."""

from __future__ import annotations

_READ_ONLY = (
    "vectors are read-only: train with streamer.Trainer, or make others with WordVectors(words, vectors, counts)"
)
_OF_BEFORE = "gensim 4 has no such attribute either"

LEFT_OUT = {
    "add_vector": _READ_ONLY,
    "add_vectors": _READ_ONLY,
    "set_vecattr": "vectors are read-only, and the only attribute is the count: get_vecattr(key, 'count')",
    "allocate_vecattrs": "vectors are read-only, and the only attribute is the count: get_vecattr(key, 'count')",
    "resize_vectors": _READ_ONLY,
    "unit_normalize_all": "vectors are read-only: use get_normed_vectors()",
    "init_sims": "vectors are read-only: use fill_norms() or get_normed_vectors()",
    "sort_by_descending_frequency": "the words are always in this order",
    "intersect_word2vec_format": "use Trainer.set_initial_vectors",
    "save": "use Trainer.save, save_word2vec_format, or pickle",
    "load": "use streamer.load, load_word2vec_format, or pickle",
    "word_vec": "use get_vector",
    "words_closer_than": "use closer_than",
    "log_accuracy": "use what evaluate_word_analogies returns",
    "log_evaluate_word_pairs": "use what evaluate_word_pairs returns",
    "similarity_unseen_docs": "there are no vectors of documents",
    "add_lifecycle_event": "a checkpoint has its history: Trainer.history",
    "lifecycle_events": "a checkpoint has its history: Trainer.history",
    "expandos": "use counts",
    "next_index": "vectors are read-only: use len()",
    "vectors_lockf": "vectors are read-only: all words are trained alike",
    "mapfile_path": "gensim does not use it either",
    "vectors_norm": f"{_OF_BEFORE}: use get_normed_vectors()",
    "index2word": f"{_OF_BEFORE}: use index_to_key",
    "index2entity": f"{_OF_BEFORE}: use index_to_key",
    "vocab": f"{_OF_BEFORE}: use key_to_index and counts",
}
"""Each such name, and a clause that says what to use, or why there is nothing."""

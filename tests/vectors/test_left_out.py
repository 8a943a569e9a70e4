"""Every public name of gensim's KeyedVectors is ours too, with the same arguments, or in the list of those left out."""

from __future__ import annotations

import inspect
from typing import Any

import gensim
import numpy as np
import pytest

from streamer.vectors import WordVectors
from streamer.vectors.left_out import LEFT_OUT

FILES = {"evaluate_word_analogies", "evaluate_word_pairs", "load_word2vec_format", "save_word2vec_format"}
"""Methods whose arguments are about files; docs/from-gensim.md says which they have."""


def public(of: Any) -> set[str]:
    """Return the public names of an object and of its class."""
    return {name for name in {*dir(type(of)), *vars(of)} if not name.startswith("_")}


@pytest.fixture(scope="module")
def theirs() -> Any:
    """Return vectors of gensim's, with what it keeps in them."""
    model = gensim.models.Word2Vec([["a", "b"]] * 5, vector_size=2, min_count=1, workers=1)
    model.wv.add_lifecycle_event("made")
    return model.wv


def test_every_name_is_ours_or_left_out(theirs: Any, small: WordVectors) -> None:
    """A version of gensim with more names brings this to light; so does a name of ours that is called left out."""
    names = public(theirs)
    assert len(names) > 50
    assert sorted(names - public(small) - LEFT_OUT.keys()) == []
    assert sorted(LEFT_OUT.keys() - names) == [], "gensim has no such names"
    assert sorted(LEFT_OUT.keys() & public(small)) == [], "these are ours"
    assert all(LEFT_OUT.values())


def test_left_out_names_say_so(small: WordVectors) -> None:
    """Whoever uses one reads the reason."""
    for name, reason in LEFT_OUT.items():
        with pytest.raises(AttributeError) as caught:
            getattr(small, name)
        assert str(caught.value) == f"'WordVectors' object has no attribute '{name}': {reason}"
        assert caught.value.name == name


def shared() -> list[str]:
    """Return the names of methods that both have."""
    ours = WordVectors(["a"], np.ones((1, 1)), [1])
    both = public(ours) & public(gensim.models.KeyedVectors(1))
    return sorted(name for name in both - FILES if callable(getattr(ours, name)))


@pytest.mark.parametrize("name", shared())
def test_arguments_are_those_of_gensim(name: str) -> None:
    """In name, order and default; ours may have more, by name only. Only ``indexer`` is left out."""
    ours, theirs = (inspect.signature(getattr(of, name)).parameters for of in (WordVectors, gensim.models.KeyedVectors))
    wanted = [(each.name, each.default) for each in theirs.values() if each.name != "indexer"]
    got = [(each.name, each.default) for each in ours.values() if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert got == wanted


@pytest.mark.parametrize("name", sorted(FILES))
def test_files(name: str) -> None:
    """The file comes first, and what else there is has to be named, so that no argument means something else."""
    parameters = [*inspect.signature(getattr(WordVectors, name)).parameters.values()]
    positional = [each.name for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert [each for each in positional if each not in ("self", "restrict_vocab")] == ["path"]

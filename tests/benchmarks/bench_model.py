"""The parts of training, each by itself, in one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamer.model.embeddings import Embeddings
from streamer.model.learner import Learner, ModelState
from streamer.model.optimizer import apply_adagrad, plan_row_sums
from streamer.model.sampling import NoiseDistribution
from streamer.model.sgns import Batching
from streamer.model.vocabulary import Vocabulary
from streamer.settings import ModelSettings

from ..model.reference import product_summer, product_sums
from ..support.texts import encode
from .text import TOKENS, block

CHUNK = Batching().chunk
V = 36_000


def zipf(size: int, words: int = V) -> np.ndarray:
    """Return word ids as frequent and rare as those of English."""
    return np.minimum(np.random.default_rng(1).zipf(1.15, size), words) - 1


@pytest.fixture(scope="module")
def text() -> str:
    """Return a block of text."""
    return block()


@pytest.mark.parametrize("dimensions", [50, 100, 200, 300])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_train_a_block(benchmark: Any, text: str, architecture: str, dimensions: int) -> None:
    """Subsampling, noise, gradients and updates."""
    encoded = encode(text)
    learner = Learner(ModelState.new(ModelSettings(vector_size=dimensions, architecture=architecture)))
    learner.train_block(encoded.words, encoded.codes, encoded.segments)
    benchmark(learner.train_block, encoded.words, encoded.codes, encoded.segments, first_pass=False)
    benchmark.extra_info["words_per_second"] = TOKENS / benchmark.stats["median"]


@pytest.mark.parametrize("vocabulary", [30_000, 300_000, 1_000_000, 3_000_000])
def test_train_a_block_into_a_large_vocabulary(benchmark: Any, text: str, vocabulary: int) -> None:
    """The same text, with words that are not in it admitted before: they are drawn as noise.

    All start from the same number of words seen, so that the same share of the text is kept.
    """
    encoded = encode(text)
    state = ModelState.new(ModelSettings())
    state.vocabulary.observe([f"other{number}" for number in range(vocabulary)], np.full(vocabulary, 5))
    state.vocabulary.total = 15_000_000
    state.embeddings.grow(vocabulary, np.random.default_rng(0))
    learner = Learner(state)
    benchmark.pedantic(learner.train_block, (encoded.words, encoded.codes, encoded.segments), rounds=9, warmup_rounds=2)
    benchmark.extra_info["words_per_second"] = TOKENS / benchmark.stats["median"]


@pytest.mark.parametrize("width", [100, 200])
def test_sum_the_rows_of_a_chunk(benchmark: Any, width: int) -> None:
    """Rows of repeated words, planned and added."""
    ids = zipf(CHUNK)
    gradients = np.random.default_rng(1).random((CHUNK + 1, width), np.float32)
    gradients[CHUNK] = 0
    summer, out = product_summer(CHUNK, width), product_sums(CHUNK, 1, width)
    benchmark(lambda: summer.sum(gradients[:, None], plan_row_sums(ids, zero_row=CHUNK), out))
    benchmark.extra_info["ns_per_row"] = benchmark.stats["median"] / CHUNK * 1e9


def test_apply_a_chunk(benchmark: Any) -> None:
    """AdaGrad on the distinct words of a chunk."""
    embeddings = Embeddings(100)
    embeddings.grow(V, np.random.default_rng(0))
    ids = np.unique(zipf(CHUNK))
    sums = product_sums(len(ids), 2, 100)
    sums.ends[1], sums.ids[:] = len(ids), ids
    sums.gradients[:], sums.means[:] = 1e-3, 1e-6
    scratch = np.empty(sums.gradients.size, np.float32)
    benchmark(lambda: apply_adagrad(embeddings.weights, sums, 0, 0.1, scratch))
    benchmark.extra_info["ns_per_row"] = benchmark.stats["median"] / len(ids) * 1e9


@pytest.mark.parametrize("known", [True, False])
def test_observe_a_block(benchmark: Any, known: bool) -> None:
    """Counting the distinct words of a block: all in the vocabulary of a million, or all admitted now."""
    words = [f"word{number}" for number in range(10_000)]
    counts = np.full(len(words), 9)

    if known:
        vocabulary = Vocabulary(5)
        others = [f"other{number}" for number in range(1_000_000)]
        vocabulary.observe([*words, *others], np.full(len(words) + len(others), 9))
        # Strings come from a pipe, so their hashes are not known yet.
        benchmark.pedantic(vocabulary.observe, setup=lambda: ((" ".join(words).split(), counts), {}), rounds=50)
    else:
        benchmark.pedantic(lambda: Vocabulary(5).observe(words, counts), rounds=50)
    benchmark.extra_info["ns_per_word"] = benchmark.stats["median"] / len(words) * 1e9


@pytest.mark.parametrize("vocabulary", [30_000, 1_000_000, 3_000_000])
def test_draw_the_noise_of_a_block(benchmark: Any, vocabulary: int) -> None:
    """As many draws as a block of text needs."""
    distribution = NoiseDistribution()
    distribution.refresh(np.maximum(10**7 // np.arange(1, vocabulary + 1), 5), 10**8)
    rng = np.random.default_rng(1)
    benchmark(distribution.draw, rng, 126_000)
    benchmark.extra_info["ns_per_draw"] = benchmark.stats["median"] / 126_000 * 1e9


def test_the_peak_of_this_machine(benchmark: Any) -> None:
    """One large product of float32 matrices: what BLAS can do at most."""
    matrix = np.random.default_rng(1).random((1024, 1024), np.float32)
    into = np.empty_like(matrix)
    benchmark(np.matmul, matrix, matrix, out=into)
    benchmark.extra_info["gflops_per_second"] = 2 * 1024**3 / benchmark.stats["median"] / 1e9


@pytest.mark.parametrize("shape", [(16, 100, 26), (16, 26, 100), (16, 100, 16), (16, 16, 100)])
def test_the_products_of_a_chunk(benchmark: Any, shape: tuple[int, int, int]) -> None:
    """The small products that gradients are made of, sixty at a time."""
    rng = np.random.default_rng(1)
    m, k, n = shape
    left, right = rng.random((CHUNK // m, m, k), np.float32), rng.random((CHUNK // m, k, n), np.float32)
    into = np.empty((CHUNK // m, m, n), np.float32)
    benchmark(np.matmul, left, right, out=into)
    benchmark.extra_info["gflops_per_second"] = 2 * CHUNK * k * n / benchmark.stats["median"] / 1e9

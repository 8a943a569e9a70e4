"""The parts of training, each by itself, on Zipf-like text: one thread, as a trainer runs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from streamer.intake import tokenizer
from streamer.model.optimizer import RowSummer, plan_row_sums
from streamer.model.sampling import NoiseDistribution
from streamer.model.training import Learner, ModelState
from streamer.settings import ModelSettings

TOKENS = 180_000
"""About as many as a MiB of English has."""


@pytest.fixture(autouse=True)
def one_blas_thread() -> Iterator[None]:
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def text() -> str:
    rng = np.random.default_rng(1)
    ranks = np.minimum(rng.zipf(1.15, TOKENS), 50_000)
    lines = [" ".join(f"w{rank}" for rank in ranks[begin : begin + 100]) for begin in range(0, TOKENS, 100)]
    return "\n\n".join(lines)


def test_tokenise_a_block(benchmark: Any, text: str) -> None:
    encoded = benchmark(tokenizer.encode, text)
    benchmark.extra_info["words_per_second"] = len(encoded) / benchmark.stats["median"]


@pytest.mark.parametrize("dimensions", [50, 100, 200, 300])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_train_a_block(benchmark: Any, text: str, architecture: str, dimensions: int) -> None:
    encoded = tokenizer.encode(text)
    learner = Learner(ModelState.new(ModelSettings(vector_size=dimensions, architecture=architecture)))
    learner.train_block(encoded.words, encoded.codes, encoded.segments)
    benchmark(learner.train_block, encoded.words, encoded.codes, encoded.segments, first_pass=False)
    benchmark.extra_info["words_per_second"] = TOKENS / benchmark.stats["median"]


def test_sum_the_rows_of_a_chunk(benchmark: Any) -> None:
    rng = np.random.default_rng(1)
    ids = np.minimum(rng.zipf(1.3, 512), 20_000)
    gradients = rng.random((513, 100), np.float32)
    gradients[512] = 0
    (plan,) = plan_row_sums(ids, 512, zero_row=512)
    benchmark(RowSummer(512, 100).sum, gradients, plan)
    benchmark.extra_info["ns_per_row"] = benchmark.stats["median"] / 512 * 1e9


@pytest.mark.parametrize("size", [36_000, 1_000_000])
def test_draw_noise_words(benchmark: Any, size: int) -> None:
    noise = NoiseDistribution()
    noise.restore(np.random.default_rng(1).zipf(1.2, size).clip(5, 200_000), due=0)
    rng = np.random.default_rng(2)
    benchmark(noise.draw, rng, 120_000)
    benchmark.extra_info["ns_per_draw"] = benchmark.stats["median"] / 120_000 * 1e9

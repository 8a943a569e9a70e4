"""Training on a small text, printed step by step: the output of ``streamer inspect``."""

from __future__ import annotations

import attrs
import numpy as np
from rich.console import Console

from streamer.answers.mechanics import SETTINGS, Mechanics, epoch_losses, skipgram_pairs

MORE_UPDATES = 50


def show(text: str, *, epochs: int, architecture: str, seed: int) -> None:
    """Print each step of training on a text."""
    settings = attrs.evolve(SETTINGS, architecture=architecture, seed=seed)
    mechanics = Mechanics(text, settings)
    vocabulary, encoded = mechanics.state.vocabulary, mechanics.encoded
    words = vocabulary.words
    console = Console(highlight=False, markup=False, soft_wrap=True)

    def section(title: str) -> None:
        console.print(f"\n{title}", style="bold")

    section(f"Tokens: {len(encoded):,}; the first {min(20, len(encoded))}")
    console.print(" ".join(encoded.tokens()[:20]))

    section(f"Vocabulary: {len(words):,} distinct words; the first {min(10, len(words))} ids, with counts")
    for number, word in enumerate(words[:10]):
        console.print(f"{number:>4}  {word:<16} {vocabulary.counts[number]:>5}")

    pairs = skipgram_pairs(mechanics.ids, mechanics.segments, settings.window)
    section(f"Skip-gram pairs: {len(pairs):,} in the first chunk, the first 10 (centre, context, weight)")
    for pair in pairs[:10]:
        console.print(f"{words[pair.centre]:>16}  {words[pair.context]:<16} {pair.weight:.1f}")

    # The most frequent word is context and noise of every other; a rarer word shows more.
    centre = next((pair.centre for pair in pairs if pair.centre != np.argmax(vocabulary.counts)), int(mechanics.ids[0]))
    contexts = {pair.context for pair in pairs if pair.centre == centre}
    nearest = [pair.context for pair in pairs if pair.centre == centre and pair.weight == 1.0]
    positive = list(dict.fromkeys(nearest))[:5]
    negative = [word for word in dict.fromkeys(mechanics.noise.tolist()) if word not in contexts][:5]

    def scores() -> None:
        for kind, others in (("positive", positive), ("negative", negative)):
            for other, score in zip(others, mechanics.scores(centre, others), strict=True):
                console.print(f"{kind:>10}  {words[centre]} · {words[other]:<16} {score:+.4f}")

    section("Scores before any update (output vectors start at zero, so all scores are zero)")
    scores()
    before = mechanics.loss()
    mechanics.update()
    after = mechanics.loss()
    section("One update: loss of the first chunk")
    console.print(f"before {before:.4f}")
    console.print(f"after  {after:.4f}")
    for _ in range(MORE_UPDATES):
        mechanics.update()
    section(f"Scores after {MORE_UPDATES} more updates of the same chunk")
    scores()

    section(f"Average loss over {epochs} epochs of a new model")
    for epoch, loss in enumerate(epoch_losses(text, settings, epochs), 1):
        console.print(f"epoch {epoch:>3}  {loss:.4f}")

"""How a text is cut into words and contexts, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np
import structlog

from streamer.answers.collocations import Collocation, collocations
from streamer.errors import ExitCode, StreamerError
from streamer.formats.recipes import Recipe
from streamer.intake import reader
from streamer.intake.inbox import Inbox
from streamer.intake.opened import Opened, Refused, open_regular
from streamer.ledger.entries import Verdict
from streamer.settings import ModelSettings, RunSettings
from streamer.text import advice
from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import Tokenizer, TokenizerError
from streamer.training.tokenizing import new_tokenizer

_log = structlog.get_logger(__name__)


@attrs.frozen
class Cut:
    """The first block of a text, cut into words.

    Attributes:
        contexts: Its words, in order; two words are context of each other only if they are in one list.
        frequent: The most frequent words with their counts, most frequent first.
        words: Number of words.
        distinct: Number of distinct words.
        with_digits: Number of words that hold digits.
        once: Number of words that came once.
        bytes: Bytes of the block.
        of_bytes: Bytes of the text.
        advice: What the text looks like, and the tokenizer for that; None if it suits.
    """

    contexts: list[list[str]]
    frequent: list[tuple[str, int]]
    words: int
    distinct: int
    with_digits: int
    once: int
    bytes: int
    of_bytes: int
    advice: advice.Advice | None


def cut(path: Path, settings: ModelSettings, run: RunSettings, *, topn: int = 20) -> Cut:
    """Return how the first block of a file, a MiB, would be cut.

    Raises:
        StreamerError: 66 if the file can't be read or would be refused, 78 if the tokenizer fails.
    """
    cuts = new_tokenizer(settings)
    try:
        with open_regular(path) as file:
            verdict, blocks = _read(file, path, run)
            block = next(blocks)
        encoded = cuts.encode(block.text)
    except (Refused, FileNotFoundError) as error:
        reason = str(error) if isinstance(error, Refused) else "there is no such file"
        raise StreamerError(f"cannot read {path}: {reason}", code=ExitCode.NO_INPUT) from None
    except TokenizerError as error:
        raise StreamerError(str(error), code=ExitCode.CONFIGURATION) from error
    counts = np.bincount(encoded.codes, minlength=len(encoded.words))
    found = Counter(dict(zip(encoded.words, counts.tolist(), strict=True)))
    return Cut(
        encoded.contexts(),
        found.most_common(topn),
        len(encoded),
        len(encoded.words),
        sum(count for word, count in found.items() if any(map(str.isdigit, word))),
        int((counts == 1).sum()),
        block.stop,
        verdict.text_bytes,
        advice.advised(block.text, cuts.rules),
    )


def _read(file: Opened, path: Path, run: RunSettings) -> tuple[Verdict, Iterator[reader.Block]]:
    """Return what the trainer would find in a file, and the blocks of its text; raise Refused if it is refused."""
    how = Recipe(run.format, run.field)
    encoding = run.encoding_of(str(path))
    verdict = reader.judge(file, encoding=encoding, max_bad_ratio=run.max_bad_ratio, wanted=how)
    if verdict.refusal:
        raise Refused(verdict.refusal)
    stop, recipe = verdict.text_bytes, verdict.format
    return verdict, reader.blocks(file, start=0, stop=stop, encoding=verdict.encoding, recipe=recipe)


def collocations_in(
    paths: Iterable[Path], settings: ModelSettings, run: RunSettings, *, min_count: int, threshold: float
) -> list[Collocation]:
    """Return the collocations of files and folders, best first; files that would be refused are left out.

    Raises:
        StreamerError: 66 if a path does not exist, 78 if the tokenizer fails or gives identifiers with their parts.
    """
    if settings.tokenizer == "code":
        raise StreamerError(
            "phrases can't be proposed with --tokenizer code, where the parts of an identifier follow it",
            code=ExitCode.CONFIGURATION,
        )
    left_out = new_tokenizer(settings)
    # As in training: phrases are joined before words are left out.
    cuts = new_tokenizer(attrs.evolve(settings, stop_words=(), min_length=1))
    found = collocations(_blocks(list(_files(paths, run)), cuts, run), min_count=min_count, threshold=threshold)
    return [each for each in found if all(left_out.keeps(word) for word in each.words)]


def _files(paths: Iterable[Path], run: RunSettings) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            candidates = Inbox(path, attrs.evolve(run, settle=0.0), lambda *_: False).scan().ready
            yield from (Path(candidate.absolute) for candidate in candidates)
        elif path.exists():
            yield path
        else:
            raise StreamerError(f"there is no file or folder {path}", code=ExitCode.NO_INPUT)


def _blocks(paths: Iterable[Path], cuts: Tokenizer, run: RunSettings) -> Iterator[EncodedText]:
    for path in paths:
        try:
            with open_regular(path) as file:
                _, blocks = _read(file, path, run)
                for block in blocks:
                    yield cuts.encode(block.text)
        except TokenizerError as error:
            raise StreamerError(str(error), code=ExitCode.CONFIGURATION) from error
        except (Refused, FileNotFoundError) as error:
            _log.warning("file.skipped", path=str(path), reason=str(error))

"""How the model's texts are cut into words: what a checkpoint holds beside the settings."""

from __future__ import annotations

import attrs

from streamer.settings import TOKENIZERS, ModelSettings
from streamer.text.function import source_digest
from streamer.text.scripts import icu_version
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import newest_version, uses_dictionaries


@attrs.frozen(kw_only=True)
class TokenizerRecord:
    """The tokenizer that a model began with.

    Attributes:
        version: That of the tokenizer. A model keeps it for ever, so that its texts are cut as before.
        icu: The version of ICU, whose dictionaries cut scripts without spaces; empty if none is used.
        source: The SHA-256 in hex of the module that has the user's function; empty for a tokenizer of streamer's.
    """

    version: int = 1
    icu: str = ""
    source: str = ""

    @classmethod
    def of(cls, name: str, version: int | None = None) -> TokenizerRecord:
        """Return the record of a tokenizer as it is in this process.

        Raises:
            TokenizerError: If it is a function of the user that can't be imported.
        """
        number = newest_version(name) if version is None else version
        icu = icu_version() if uses_dictionaries(name, number) else ""
        return cls(version=number, icu=icu, source="" if name in TOKENIZERS else source_digest(name))


def rules(settings: ModelSettings, record: TokenizerRecord) -> Rules:
    """Return everything that decides how the texts of a model are cut."""
    return Rules(
        name=settings.tokenizer,
        version=record.version,
        boundary=settings.boundary,
        keep_case=settings.keep_case,
        min_length=settings.min_length,
        stop_words=settings.stop_words,
        phrases=settings.phrases,
    )

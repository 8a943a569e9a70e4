"""The settings of one process: they may change at every start."""

from __future__ import annotations

import codecs
import fnmatch
import functools
import os
import re

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.settings.every import RULE as EVERY
from streamer.settings.every import every
from streamer.settings.fields import invalid, setting
from streamer.settings.levels import LEVELS, levels

FORMATS = ("auto", "text", "jsonl", "csv", "html", "mail")
DEFAULT_EXCLUDE = ("*~", "*.tmp", "*.part", "*.partial", "*.crdownload", "*.filepart")

DEFAULT_SNAPSHOTS = "24h 7d 8w 24mo 1000y"


def available_cores() -> int:
    """Return how many cores this process may use: in a container or under taskset, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@attrs.frozen(kw_only=True)
class RunSettings:
    """Settings of one process. They never change what a decoded text teaches the model."""

    threads: int = setting(
        available_cores, "Cores to train on; the result is the same with any number.", low=1, high=1024, factory=True
    )
    memory: int = setting(
        0,
        "Memory that the trainer may take: chooses --max-vocabulary and --max-candidates; 0 for no limit.",
        low=0,
        amount=True,
    )
    cluster: str = setting("", "Address of the cluster that computes lanes, or local.", metavar="ADDRESS")
    allow_mixed: bool = setting(False, "Use nodes of other kinds too: the bits may differ.")
    checkpoint_every: float = setting(
        60.0, "Least time between checkpoints; 0 saves as often as possible.", low=0, duration=True
    )
    fresh: float = setting(
        600.0, "Longest time until a checkpoint has what was learned, however costly it is.", low=0, duration=True
    )
    keep: int = setting(3, "Number of checkpoints to keep.", low=1)
    snapshot_every: str = setting(
        "1h",
        "How often to take a snapshot: time or words of the stream; 0 for none.",
        metavar="TIME|WORDS",
        rule=(every, EVERY),
    )
    snapshots: str = setting(
        DEFAULT_SNAPSHOTS,
        "Snapshots to keep: the last of each hour of a day, of each day of a week, and so on; or all.",
        metavar="LEVELS",
        rule=(levels, LEVELS),
    )
    keep_states: str = setting(
        "3d 4w",
        "Whole states to keep, from which rollback and forget start: the last of each day and week; or all.",
        metavar="LEVELS",
        rule=(levels, LEVELS),
    )
    ledger_keep: float = setting(
        30 * 86400.0,
        "Time for which files that are gone from the folder are still listed; 0: for ever.",
        low=0,
        duration=True,
    )
    settle: float = setting(2.0, "Time that a file must be unchanged before it is read.", low=0, duration=True)
    rescan: float = setting(5.0, "Time between scans of the folder.", low=0.05, duration=True)
    poll: bool = setting(False, "Scan only; use no file system events.")
    include: tuple[str, ...] = setting((), "Accept only files whose names match one of these globs.", metavar="GLOB")
    exclude: tuple[str, ...] = setting(
        DEFAULT_EXCLUDE,
        "Ignore files whose names match one of these globs, or one of the default ones.",
        metavar="GLOB",
    )
    encoding: tuple[str, ...] = setting(
        ("auto",),
        "Encoding of files without a byte-order mark, or GLOB=ENCODING for those of some names; auto finds it out.",
        metavar="ENCODING",
        single=True,
    )
    format: str = setting("auto", "What the files are; auto looks at how each begins.", choices=FORMATS)
    field: tuple[str, ...] = setting(
        (), "Train only this field of JSON (a.b) or column of CSV (a name, or a number from 1).", metavar="NAME"
    )
    date_from: str = setting(
        "trained",
        "When a text is from: now, or the mtime of its file, or the date in its name or in its records.",
        choices=("trained", "mtime", "name", "field"),
    )
    date_field: str = setting(
        "",
        "Field or column with the date of a record; by default the first of date, time, timestamp and the like.",
        metavar="NAME",
    )
    max_bad_ratio: float = setting(
        0.01, "Refuse a file if a larger share of its characters can't be decoded.", low=0, high=1
    )
    on_change: str = setting(
        "skip", "What to do with a file that was rewritten after it was trained.", choices=("skip", "retrain")
    )
    duplicates: str = setting(
        "skip", "What to do with a text that was trained under another name.", choices=("skip", "train")
    )
    hold_unusual: bool = setting(False, "Hold files that look unlike the others, until streamer release.")
    pairs: tuple[str, ...] = setting((), "Score the vectors on these word pairs during training.", metavar="FILE")
    analogies: tuple[str, ...] = setting((), "Score the vectors on these analogies during training.", metavar="FILE")
    evaluate_every: int = setting(
        1_000_000, "Words trained between scores, with --pairs or --analogies.", low=1, metavar="WORDS"
    )
    log_every: float = setting(
        0.0, "Sum up in the log: a line for all files of this time; 0 writes a line for each.", low=0, duration=True
    )

    @property
    def snapshots_kept(self) -> str:
        """Which snapshots are kept: all by default, if they are taken every so many words."""
        by_words = every(self.snapshot_every).words > 0
        return "all" if by_words and self.snapshots == DEFAULT_SNAPSHOTS else self.snapshots

    def encoding_of(self, path: str) -> str:
        """Return the encoding that is wanted for a file: an encoding, or ``auto``.

        A glob with a ``/`` is compared with the path, another with the name. The last one that matches decides.
        """
        globs, others = _encodings(self.encoding)
        name = path.rpartition("/")[2]
        return next((found for whole, glob, found in globs if glob.match(path if whole else name)), others)

    def __attrs_post_init__(self) -> None:
        for value in self.encoding or ("",):
            glob, _, encoding = value.rpartition("=")
            if ("=" in value and not glob) or (encoding != "auto" and not _is_encoding(encoding)):
                rule = "must be auto, a text encoding that Python knows, like utf-8, or GLOB=ENCODING"
                raise invalid("encoding", value, rule)
        if "" in self.field or any("\0" in name for name in self.field):
            raise invalid("field", next(name for name in self.field if not name or "\0" in name), "must be a name")
        if self.field and self.format in ("text", "html", "mail"):
            raise StreamerError(
                f"--field does not go with --format {self.format}, which has no fields",
                hint="leave out --field",
                code=ExitCode.CONFIGURATION,
            )
        if self.date_field and self.date_from != "field":
            raise StreamerError(
                f"--date-field {self.date_field} does not go with --date-from {self.date_from}",
                hint="add --date-from field, or leave out --date-field",
                code=ExitCode.CONFIGURATION,
            )
        if self.format == "csv" and not self.field:
            raise StreamerError(
                "--format csv needs --field, the column to train",
                hint="name the column, or give its number",
                code=ExitCode.CONFIGURATION,
            )


def _is_encoding(name: str) -> bool:
    try:
        b"x".decode(name, "replace")
        codecs.getincrementaldecoder(name)("replace").decode(b"x", True)
        "\ufffd\n".encode(name, "ignore")
    except (LookupError, ValueError, TypeError):
        return False
    return True


@functools.cache
def _encodings(values: tuple[str, ...]) -> tuple[list[tuple[bool, re.Pattern[str], str]], str]:
    """Return the encodings for names, the last first, and that for all others."""
    named = [value.rpartition("=") for value in values if "=" in value]
    chosen = [("/" in glob, re.compile(fnmatch.translate(glob)), encoding) for glob, _, encoding in reversed(named)]
    return chosen, next((value for value in reversed(values) if "=" not in value), "auto")

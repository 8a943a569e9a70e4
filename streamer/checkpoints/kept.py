"""Kept states: whole checkpoints of earlier days and weeks, from which a stream can be replayed.

A kept state is a hard link to a checkpoint, so it costs no writing, and no space while that checkpoint is kept too. Its
name has the time in the stream, so that the folder alone says which of them stay.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from streamer.checkpoints.publish import PIECE, cannot_write, make_folder, publish
from streamer.settings import Level, kept
from streamer.system import disk

STATE_FOLDER = "states"
_NAME = re.compile(r"state-(\d{10,})(-|\+)(\d{1,18})\.h5")
_ASIDE = re.compile(r"checkpoint-\d{10,}\.h5\.damaged(-\d+)?")
_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""What file systems say that have no hard links, or no more for this file."""


@attrs.frozen
class KeptState:
    """A kept state as the folder shows it.

    Attributes:
        path: Its path.
        sequence: The number of the checkpoint.
        date: Its time in the stream, in seconds since 1970.
    """

    path: Path
    sequence: int
    date: float


class KeptStates:
    """The kept states in a folder of checkpoints.

    Args:
        folder: The folder of checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / STATE_FOLDER

    def list(self) -> Sequence[KeptState]:
        """Return the kept states, the oldest first; none if there is no such folder.

        Raises:
            StreamerError: With exit code 74 if it can't be read.
        """
        found = []
        try:
            for path in disk.list_folder(self.folder):
                if (parts := _NAME.fullmatch(path.name)) and path.is_file():
                    date = float(parts[3]) * (-1 if parts[2] == "-" else 1)
                    found.append(KeptState(path, int(parts[1]), date))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        return sorted(found, key=lambda state: state.sequence)

    def keep(
        self, checkpoint: Path, sequence: int, date: float, levels: Sequence[Level], lost: Callable[[int], bool]
    ) -> None:
        """Keep a checkpoint that was just published, and remove the states that are no longer to be kept.

        Args:
            checkpoint: Its path.
            sequence: Its number.
            date: Its time in the stream, in seconds since 1970.
            levels: Which are kept; see :func:`streamer.settings.levels.kept`.
            lost: Returns whether the checkpoint of a number is of a future that was given up.

        Raises:
            StreamerError: With exit code 74.
        """
        seconds = round(date)
        path = self.folder / f"state-{sequence:010d}{'-' if seconds < 0 else '+'}{abs(seconds)}.h5"
        if not self.folder.is_dir():
            make_folder(self.folder)
        listed = self.list()
        # A checkpoint that was lost, or removed by somebody, had this number or a higher one before.
        gone = [state for state in listed if state.sequence >= sequence or lost(state.sequence)]
        others = [state for state in listed if state not in gone]
        times = list(itertools.accumulate([*(state.date for state in others), float(seconds)], max))
        chosen = set(kept(times, levels))
        try:
            for state in gone:  # before the name of the new one, which may be the same
                disk.remove(state.path, "checkpoint.retire")
            self._add(checkpoint, path)
            for position, state in enumerate(others):
                if position not in chosen:
                    disk.remove(state.path, "checkpoint.retire")
        except OSError as error:
            raise cannot_write(path, error) from error

    def purge(self) -> None:
        """Remove checkpoints that were set aside as damaged: they may still be readable in part.

        Raises:
            StreamerError: With exit code 74.
        """
        folder = self.folder.parent
        try:
            for path in sorted(disk.list_folder(folder)):
                if _ASIDE.fullmatch(path.name):
                    disk.remove(path, "checkpoint.retire")
        except OSError as error:
            raise cannot_write(folder, error) from error

    def _add(self, checkpoint: Path, path: Path) -> None:
        try:
            disk.link(checkpoint, path, "checkpoint.keep")
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            publish(path, _content(checkpoint))
        else:
            disk.sync_folder(self.folder, "checkpoint.sync_name")


def _content(path: Path) -> Iterator[bytes]:
    descriptor = disk.open_descriptor(path, os.O_RDONLY | os.O_CLOEXEC, "checkpoint.open")
    with disk.Reading(descriptor, "checkpoint.read") as file:
        while piece := file.read(PIECE):
            yield piece

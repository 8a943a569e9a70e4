"""A trainer in a process of its own: it connects, does a round for each line that it reads, and tells in JSON.

``python -m tests.cluster.trainer ADDRESS [--allow-mixed]``; a line is the number of calls, and the seconds that each
takes at least.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time

import structlog

from streamer.cluster import connect
from streamer.errors import StreamerError

from ..support import lanes


def tell(**fields: object) -> None:
    """Print a line."""
    print(json.dumps(fields), flush=True)


def digest(values: list[tuple[lanes.Floats, float]]) -> str:
    """Return a digest of all bits of a round's results."""
    hashed = hashlib.sha256()
    for rows, total in values:
        hashed.update(rows.tobytes() + repr(total).encode())
    return hashed.hexdigest()


def main() -> None:
    """Connect, and do rounds to the end of stdin."""
    signal.signal(signal.SIGTERM, lambda *_: tell(heard="SIGTERM"))
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()])
    began = time.monotonic()
    try:
        nodes = connect(sys.argv[1], allow_mixed="--allow-mixed" in sys.argv)
        signal.signal(signal.SIGINT, lambda *_: tell(heard="SIGINT"))
        tell(connected=nodes.size, seconds=time.monotonic() - began)
        for line in sys.stdin:
            count, seconds = line.split()
            tell(began=int(count))
            began = time.monotonic()
            values = nodes.map(lanes.lane, lanes.calls(int(count), float(seconds)))
            tell(digest=digest(values), size=nodes.size, seconds=time.monotonic() - began)
        nodes.close()
        tell(closed=True)
    except StreamerError as error:
        tell(problem=error.problem, hint=error.hint, code=int(error.code), seconds=time.monotonic() - began)


if __name__ == "__main__":
    main()

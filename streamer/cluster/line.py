"""An idle TCP connection to a node, by which the kernel notices in seconds that the machine or its cable is gone.

Ray asks its nodes as well, but takes 10 to 90 seconds to give one up, as it was configured when its head was started.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time

SILENCE = 6.0
"""Seconds after which a node that does not answer is lost."""
_OPTIONS = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 4}  # seconds, seconds, and how often: 6 in all


class Line:
    """A connection to the port of a node. Nothing is ever sent over it but what keeps it alive.

    Args:
        host: The address of the node.
        port: A TCP port at which it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._socket: socket.socket | None = None
        self._since = 0.0
        self._connected = False
        self._lost = False
        self._dial()

    def alive(self) -> bool:
        """Return whether the node answered last, without waiting. One that is lost is asked anew."""
        if self._socket is None:
            self._dial()
        elif self._connected:
            self._listen()
        if self._socket is not None and not self._connected:
            self._greet()
        return not self._lost

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._connected = None, False

    def _dial(self) -> None:
        self.close()
        self._since = time.monotonic()
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS.items():
            if (number := getattr(socket, name, None)) is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, number, value)
        try:
            self._socket.connect(self._address)
        except BlockingIOError:
            return
        except OSError:
            self._fail()

    def _greet(self) -> None:
        """See whether the connection has come about."""
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        if not poll.poll(0):
            if time.monotonic() - self._since > SILENCE:
                self._fail()
        elif self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._fail()
        else:
            self._connected, self._lost = True, False

    def _listen(self) -> None:
        """See whether the connection is still there. The node ends one that says nothing for long."""
        assert self._socket is not None
        try:
            while data := self._socket.recv(4096):
                del data  # the greeting of its protocol
            self._dial()
        except BlockingIOError:
            return
        except OSError:
            self._fail()

    def _fail(self) -> None:
        self._lost = True
        with contextlib.suppress(OSError):
            self.close()

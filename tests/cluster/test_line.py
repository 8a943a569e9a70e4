"""A connection by which a node is seen to be there. How a pulled cable is noticed is in test_driver.py."""

from __future__ import annotations

import socket

from streamer.cluster.line import Line

from .network import wait


def test_a_node_that_is_there() -> None:
    """It need not take the connection: the kernel does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Line(*server.getsockname())
        assert all(line.alive() for _ in range(3))
        line.close()


def test_a_node_that_ends_the_connection_is_still_there() -> None:
    """As Ray does when nothing is said for long."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Line(*server.getsockname())
        for _ in range(3):
            theirs, _ = server.accept()
            theirs.sendall(b"hello")
            assert line.alive()
            theirs.close()
            assert line.alive()
        line.close()


def test_a_node_that_dies_and_comes_back() -> None:
    """It is lost at once, and found again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        line = Line(*address)
        theirs, _ = server.accept()
        assert line.alive()
        theirs.close()
    wait(lambda: not line.alive())
    with socket.create_server(address):
        wait(line.alive)
        line.close()


def test_a_node_that_was_never_there() -> None:
    """Its port refuses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    line = Line(*address)
    wait(lambda: not line.alive())
    line.close()

"""Signals: the first sets a flag, an echo of it is none, a second ends the process, and afterwards none is heard."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streamer.service.signals import SHOW_CURSOR, SIGNALS, Stopped, StopSignals

BEGIN = """
import os, signal, sys, time
from streamer.service.signals import SIGNALS, StopSignals

for number in SIGNALS:
    signal.signal(number, signal.SIG_DFL)

def send(*numbers):
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for number in numbers:
        os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

"""
LATER = "time.sleep(0.11)\n"
"""After the time in which a second signal is an echo."""


def process(body: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run some lines in a process of their own."""
    command = [sys.executable, "-c", BEGIN + body]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=20)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give this process back the handlers that it had."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # who runs the tests may be run by nohup
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_sets_a_flag(number: signal.Signals) -> None:
    """Nothing is interrupted: whoever looks finds which signal it was, and is stopped where it looks."""
    with StopSignals() as signals:
        signals.check()
        assert signals.received is None
        os.kill(os.getpid(), number)
        assert signals.received is number
        for _ in range(2):
            with pytest.raises(Stopped):
                signals.check()


def test_afterwards_none_is_heard() -> None:
    """A signal that comes while the process takes itself down changes nothing of how it ends."""
    with StopSignals() as signals:
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_IGN] * len(SIGNALS)
    for number in SIGNALS:
        os.kill(os.getpid(), number)
    assert signals.received is None


def test_an_error_goes_through() -> None:
    """What fails within the context is not swallowed, nor is the request to stop."""
    for error in (ZeroDivisionError, Stopped):
        with pytest.raises(error), StopSignals():
            raise error


def test_nohup_wants_it_to_go_on() -> None:
    """A hang-up that was ignored when the process began stays ignored; the other signals are heard."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.received is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received is signal.SIGTERM


@pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
def test_a_second_one_ends_the_process(second: str) -> None:
    """At once, with the code of that signal, and without a word where stderr is no terminal."""
    body = f"with StopSignals():\n send(signal.SIGTERM)\n {LATER} send(signal.{second})\n print('still here')"
    ended = process(body)
    assert ended.returncode == 128 + signal.Signals[second]
    assert (ended.stdout, ended.stderr) == ("", "")


@pytest.mark.parametrize("pair", ["SIGTERM, signal.SIGINT", "SIGINT, signal.SIGTERM", "SIGHUP, signal.SIGINT"])
def test_an_echo_is_no_second_one(pair: str) -> None:
    """Two that come together are one request: the process goes on to its clean stop."""
    body = f"with StopSignals() as signals:\n send(signal.{pair})\n print(bool(signals.received), flush=True)"
    ended = process(body)
    assert (ended.returncode, ended.stdout) == (0, "True\n")


def test_an_echo_does_not_put_off_the_time() -> None:
    """The time in which a second one is an echo counts from the first: one after that ends the process."""
    half = "time.sleep(0.06)\n "
    body = f"with StopSignals():\n send(2)\n {half}send(2)\n {half}send(2)\n print('still here')"
    ended = process(body)
    assert (ended.returncode, ended.stdout) == (130, "")


def test_a_hang_up_never_ends_the_process() -> None:
    """The terminal that closes sends it, at any time after whatever else; it is no request to be quick."""
    body = (
        f"with StopSignals() as signals:\n send(signal.SIGTERM)\n {LATER} send(signal.SIGHUP)\n"
        " print(signals.received.name)"
    )
    ended = process(body)
    assert (ended.returncode, ended.stdout) == (0, "SIGTERM\n")


def test_the_cursor_is_shown_again() -> None:
    """A live display hides it; a process that ends at once on a terminal brings it back."""
    ours, theirs = pty.openpty()
    try:
        process(f"with StopSignals():\n send(2)\n {LATER} send(2)", stderr=theirs)
        os.set_blocking(ours, False)
        assert SHOW_CURSOR.strip() in os.read(ours, 1000)
    finally:
        os.close(ours)
        os.close(theirs)


def test_it_is_there_before_what_takes_long_to_import() -> None:
    """A trainer hears signals from its first moment on: what hears them brings no NumPy and none of the rooms."""
    heavy = "('numpy', 'h5py', 'structlog', 'rich', 'watchdog', 'click', 'streamer.model', 'streamer.checkpoints')"
    assert process(f"print([name for name in {heavy} if name in sys.modules])").stdout == "[]\n"

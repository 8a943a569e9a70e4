"""The live line: what it shows of a file, what it gives up where there is no room, and what stays above it."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console

from streamer.cli import live
from streamer.cli.live import BAR, SPINNER, WINDOW, LiveDisplay

from ..support.terminal import CODES

SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return the clock of the display, set by hand through ``now``."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(live, "time", clock)
    return clock


def on_terminal(columns: int = 120) -> Console:
    """Return a terminal of so many columns."""
    return Console(file=io.StringIO(), force_terminal=True, width=columns, color_system="truecolor")


def line(display: LiveDisplay, columns: int = 120) -> str:
    """Return the line as it is now on a terminal of so many columns."""
    console = on_terminal(columns)
    with console.capture() as captured:
        console.print(display, end="")
    shown = CODES.sub("", captured.get()).rstrip("\n")
    assert "\n" not in shown and cell_len(shown) <= columns
    assert shown[0] in SPINNER
    return shown[2:]


@pytest.fixture
def display(clock: SimpleNamespace) -> LiveDisplay:
    """Return a display that was told of nothing."""
    return LiveDisplay(on_terminal())


def test_a_file_under_way(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """How much of it is done, words per second, how many files come after it, its name, loss and vocabulary."""
    display.file("deep/a.txt", 1_000, 1_234)
    for words in (500, 3_000, 5_000):
        display.block(750, words, 2.3456, 12_345)
        clock.now += 1.0
    parts = line(display).split(" · ")
    assert parts[0] == "━" * 9 + "─" * 3 + "  75%"
    assert parts[1] == "2,667 words/s" and parts[2].startswith("1,234 ")
    assert parts[3:] == ["deep/a.txt", "loss 2.346", "vocabulary 12,345"]


def test_before_the_first_block(display: LiveDisplay) -> None:
    """Nothing is shown that is not known: no speed, no loss, no vocabulary, no files to go."""
    display.file("a.txt", 1_000, 0)
    assert line(display).split(" · ") == [f"{'─' * BAR}   0%", "a.txt"]


def test_the_next_file_begins_anew(display: LiveDisplay) -> None:
    """Its bar is empty; loss and vocabulary are those of the model until there are others."""
    display.file("a.txt", 1_000, 7_777)
    display.block(1_000, 10, 2.0, 50)
    assert "100%" in line(display) and "7,777" in line(display)
    display.file("b.txt", 1_000, 0)
    shown = line(display)
    assert "  0%" in shown and "b.txt" in shown and "a.txt" not in shown and "7,777" not in shown
    display.block(500, 10, None, 60)
    assert "loss 2.000" in line(display) and "vocabulary 60" in line(display)


def test_the_speed_is_that_of_the_last_seconds(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """Blocks of long ago do not count; one block alone has no speed."""
    display.file("a.txt", 1_000, 0)
    display.block(1, 1_000_000, 2.0, 50)
    assert "words/s" not in line(display)
    clock.now += WINDOW + 1
    for number in range(3):
        display.block(number, 100, 2.0, 50)
        clock.now += 1.0
    assert "67 words/s" in line(display)  # 200 words in the three seconds since the first of them


@pytest.mark.parametrize("waiting", [0, 1, 1_234])
def test_nothing_to_train(display: LiveDisplay, waiting: int, clock: SimpleNamespace) -> None:
    """It waits, for so many files to be still; loss and vocabulary stay, the file and its speed go."""
    display.file("a.txt", 1_000, 7_777)
    for _ in range(2):
        display.block(500, 10, 2.0, 50)
        clock.now += 1.0
    display.idle(waiting)
    shown = line(display)
    told = shown.split(" · ")[0]
    assert f"{waiting:,}" in told if waiting else not re.search(r"\d", told)
    assert not re.search("a.txt|words/s|7,777|%", shown)
    assert shown.split(" · ")[1:] == ["loss 2.000", "vocabulary 50"]


@pytest.mark.parametrize("columns", range(1, 130, 3))
def test_it_fits_any_terminal(display: LiveDisplay, columns: int, clock: SimpleNamespace) -> None:
    """It is one line, never broken, at any width; ``line`` checks it."""
    display.file("a/very/long/path/to/a/file/in/the/inbox/that/is/trained.txt", 1_000, 1_000)
    for _ in range(2):
        display.block(500, 10, 2.0, 50_000)
        clock.now += 1.0
    line(display, max(columns, 3))


def test_what_it_gives_up(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """Where it is narrow, the figures go before the name, and of a long name the end stays."""
    name = "a/very/long/path/to/a/file/in/the/inbox/that/is/trained.txt"
    display.file(name, 1_000, 0)
    display.block(500, 10, 2.0, 50_000)
    shown = {columns: line(display, columns) for columns in (120, 84, 50, 20)}
    assert shown[120].split(" · ")[1:] == [name, "loss 2.000", "vocabulary 50,000"]
    assert shown[84].split(" · ")[1:] == [name]
    cut = shown[50].split(" · ")[1]
    assert cut[0] == "…" and name.endswith(cut[1:]) and len(cut) >= BAR
    assert "50%" in shown[20]


def test_names_that_a_terminal_would_act_on(display: LiveDisplay) -> None:
    """What is not printable is an escape; markup is letters like any other."""
    display.file("x\x1b[31mred\n[bold].txt", 1_000, 0)
    assert "x\\x1b[31mred\\n[bold].txt" in line(display)


def test_what_is_printed_stays_above_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of output go to stdout, whole and in order; the cursor is hidden meanwhile, and shown in the end."""
    console = on_terminal()
    with LiveDisplay(console) as display:
        display.file("a.txt", 10, 0)
        display.echo("epoch 1")
        display.echo("epoch 2")
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert shown.rfind(HIDE) > shown.rfind(SHOW)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.rfind(SHOW) > shown.rfind(HIDE) >= 0
    assert capsys.readouterr().out == "epoch 1\nepoch 2\n"
    assert "a.txt" in CODES.sub("", shown)
    assert shown.count(HIDE) == shown.count(SHOW) == 3, "it is taken away for each line and comes back after it"


def test_an_error_brings_the_cursor_back() -> None:
    """Whatever ends the display, it leaves the terminal as it was, and the error goes on."""
    console = on_terminal()
    with pytest.raises(ZeroDivisionError), LiveDisplay(console):
        raise ZeroDivisionError
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.rfind(SHOW) > shown.rfind(HIDE) >= 0


def test_a_terminal_that_is_gone() -> None:
    """What can't be taken away any more is no error."""

    class Gone(io.StringIO):
        gone = False

        def write(self, text: str) -> int:
            if self.gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    file = Gone()
    with LiveDisplay(Console(file=file, force_terminal=True, width=80)):
        file.gone = True

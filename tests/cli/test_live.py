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


def under_way(display: LiveDisplay, clock: SimpleNamespace, name: str = "deep/a.txt") -> None:
    """Let a display have a backlog of 40 files and 100 MB, of which ten files were trained, a second and 2 MB each."""
    display.backlog(40, 100_000_000)
    for _ in range(10):
        display.file(name, 2_000_000)
        for share in (0.5, 1.0):
            clock.now += 0.5
            display.reached(share)
            display.block(100_000, lambda: 2.3456, 12_345)
        display.done()
    display.file(name, 10_000_000)
    display.reached(0.5)


def test_a_backlog(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """How much of all is done, in percent, files and bytes; how fast, for how long; loss, vocabulary, the file."""
    under_way(display, clock)
    parts = line(display, 160).split(" · ")
    assert parts == [
        *("━" * 3 + "─" * 9 + "  25%", "10/40 files", " 25.0/100.0 MB", " 200k words/s", "35 s left"),
        *("loss 2.346", "vocabulary 12,345", "deep/a.txt"),
    ]


def test_before_the_first_block(display: LiveDisplay) -> None:
    """Nothing is shown that is not known: no speed, no time left, no loss, no vocabulary."""
    display.backlog(1, 1_000)
    display.file("a.txt", 1_000)
    assert line(display).split(" · ") == [f"{'─' * BAR}   0%", "0/1 file", "0.0/1.0 kB", "a.txt"]


def test_the_next_file_goes_on(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """The bar is that of all files, so that it never goes back while there is something to train."""
    display.backlog(2, 2_000)
    display.file("a.txt", 1_000)
    display.reached(1.0)
    assert " 50%" in line(display)
    display.done()
    display.file("b.txt", 1_000)
    assert " 50%" in line(display) and "1/2 files" in line(display) and "b.txt" in line(display)
    display.backlog(2, 2_000)
    assert " 25%" in line(display) and "1/4 files" in line(display), "more has come meanwhile"


def test_the_speed_is_that_of_the_last_seconds(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """Blocks of long ago do not count; one block alone has no speed."""
    display.file("a.txt", 1_000)
    display.block(1_000_000, lambda: 2.0, 50)
    assert "words/s" not in line(display)
    clock.now += WINDOW + 1
    for _ in range(3):
        display.block(100, lambda: 2.0, 50)
        clock.now += 1.0
    assert " 67 words/s" in line(display)  # 200 words in the three seconds since the first of them


def test_the_loss_is_not_asked_for_at_each_block(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """It takes longer to find than a tiny file takes to train."""
    asked = []
    for number in range(1_000):
        display.block(100, lambda: asked.append(1) or 2.0, 50)  # type: ignore[func-returns-value]
        clock.now += 0.001 * (number % 2)
    assert 2 <= len(asked) <= 3
    display.block(100, lambda: 1.5, 50)
    display.idle()
    assert "loss 1.500" in line(display), "what stands there while it waits is the last"


@pytest.mark.parametrize("waiting", [0, 1, 1_234])
def test_nothing_to_train(display: LiveDisplay, waiting: int, clock: SimpleNamespace) -> None:
    """It waits, for so many files to be still; loss and vocabulary stay, the file and its speed go."""
    under_way(display, clock)
    display.waiting(waiting)
    display.idle()
    shown = line(display)
    told = shown.split(" · ")[0]
    assert f"{waiting:,}" in told if waiting else not re.search(r"\d", told)
    assert not re.search("a.txt|words/s|left|%", shown)
    assert shown.split(" · ")[1:] == ["loss 2.346", "vocabulary 12,345"]


def test_files_that_are_not_still(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """They are counted beside those that are trained."""
    under_way(display, clock)
    display.waiting(1_234)
    assert "1,234 not still yet" in line(display, 160)


def test_scoring(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """That is said until training goes on, and no time is left meanwhile; also where nothing is to be trained."""
    under_way(display, clock)
    display.scoring()
    shown = line(display).split(" · ")
    assert shown[1] == "scoring the vectors" and not re.search("left|words/s", " ".join(shown))
    display.reached(0.75)
    assert "scoring" not in line(display) and "left" in line(display)
    display.idle()
    display.scoring()
    assert line(display).startswith("scoring the vectors · loss")
    display.idle()
    assert line(display).startswith("waiting for files")


def test_epochs(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """Each has the whole bar, and its number; one alone has none."""
    display.epoch(1, 2)
    under_way(display, clock)
    assert line(display, 160).split(" · ")[1:3] == ["epoch 1/2", "10/40 files"]
    display.epoch(2, 2)
    display.backlog(40, 100_000_000)
    assert line(display, 160).split(" · ")[:3] == ["─" * BAR + "   0%", "epoch 2/2", " 0/40 files"]
    display.epoch(1, 1)
    assert "epoch" not in line(display, 160)


def test_at_the_end(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """When all is trained, no time is left and nothing has a speed; then the model is saved."""
    display.backlog(20, 20_000)
    for _ in range(20):
        display.file("a.txt", 1_000)
        clock.now += 0.5
        display.reached(1.0)
        display.block(1_000, lambda: 2.0, 50)
        assert "left" in line(display) or display._left.files_done < 2
        display.done()
    assert "100%" in line(display) and not re.search("left|words/s", line(display))
    display.waiting(3)
    display.saving()
    assert line(display) == "saving the model · loss 2.000 · vocabulary 50"


@pytest.mark.parametrize("columns", range(1, 160, 3))
def test_it_fits_any_terminal(display: LiveDisplay, columns: int, clock: SimpleNamespace) -> None:
    """It is one line, never broken, at any width; ``line`` checks it."""
    under_way(display, clock, "a/very/long/path/to/a/file/in/the/inbox/that/is/trained.txt")
    display.waiting(10_000)
    line(display, max(columns, 3))


def test_what_it_gives_up(display: LiveDisplay, clock: SimpleNamespace) -> None:
    """Where it is narrow, the name goes first, then vocabulary and bytes; the time left stays long."""
    name = "a/very/long/path/to/a/file/in/the/inbox/that/is/trained.txt"
    under_way(display, clock, name)
    shown = {columns: line(display, columns).split(" · ") for columns in (180, 140, 120, 80, 60, 40, 20)}
    assert shown[180][-1] == name
    cut = shown[140][-1]
    assert cut[0] == "…" and name.endswith(cut[1:]) and len(cut) >= BAR
    assert shown[120][1:] == shown[140][1:-1]
    assert shown[80][1:] == ["10/40 files", " 200k words/s", "35 s left", "loss 2.346"]
    assert shown[60][1:] == ["10/40 files", "35 s left", "loss 2.346"] or "words/s" in shown[60][2]
    assert shown[40] == ["━─────  25%", "10/40 files", "35 s left"], "the bar is half as long, for the time left"
    assert "25%" in shown[20][0]
    display.epoch(1, 3)
    under_way(display, clock, name)
    assert line(display, 40).split(" · ")[1:] == ["epoch 1/3", "35 s left"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "<10 s left"), (9.9, "<10 s left"), (11, "10 s left"), (62, "60 s left"), (97, "95 s left")),
        *((98, "2 min left"), (5_900, "98 min left"), (6_100, "1 h 40 min left"), (7_200, "2 h 00 min left")),
        *((100_000, "27 h 50 min left"), (200_000, "2 days left")),
    ],
)
def test_time_left(seconds: float, text: str) -> None:
    """In steps that grow with it, so that it does not flicker."""
    assert live.time_left(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0.4, "0"), (987.4, "987"), (1_000, "1.00k"), (12_345, "12.3k"), (431_499, "431k"), (999_600, "1.00M")),
        *((1_554_000, "1.55M"), (2.5e9, "2.50G")),
    ],
)
def test_three_figures(number: float, text: str) -> None:
    """A speed has no more of them, since more would never stand still."""
    assert live.rounded(number) == text


def test_names_that_a_terminal_would_act_on(display: LiveDisplay) -> None:
    """What is not printable is an escape; markup is letters like any other."""
    display.file("x\x1b[31mred\n[bold].txt", 1_000)
    assert "x\\x1b[31mred\\n[bold].txt" in line(display)


def test_what_is_printed_stays_above_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of output go to stdout, whole and in order; the cursor is hidden meanwhile, and shown in the end."""
    console = on_terminal()
    with LiveDisplay(console) as display:
        display.file("a.txt", 10)
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

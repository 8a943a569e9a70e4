"""Commands that take something back: forget, rollback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamer.cli.console import log_to_stderr, say
from streamer.cli.options import Common, command, common_options, resolve, some_options
from streamer.service.signals import Stopped, StopSignals
from streamer.system.printable import printable

if TYPE_CHECKING:
    from streamer.service.takeback import Outcome, Request

Function = TypeVar("Function", bound=Callable[..., Any])

_MOST_NAMES = 10


def _options(function: Function) -> Function:
    """Add the options that all of these commands have."""
    for option in (
        some_options(("threads", "keep", "keep_states", "tokenizer")),
        click.option("--purge", is_flag=True, help="Also remove older checkpoints, and all else that still knows it."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
    ):
        function = option(function)
    return function


@command()
@click.argument("name", metavar="FILE|SHA256")
@click.option("--without-missing", is_flag=True, help="Leave out texts that are gone or have changed.")
@_options
@common_options
@click.pass_obj
def forget(common: Common, /, name: str, checkpoints: Path, **flags: Any) -> None:
    """Take a file out of the model, exactly.

    The model becomes what it would be if it had never seen the file: an earlier state, and all that was trained since,
    trained again without it. The same text is never trained again, under no name.

    FILE is a name that `streamer files` shows, a path, or the SHA-256 of the file or its text.

    \b
        streamer forget data/inbox/wrong.txt --dry-run
        streamer forget data/inbox/wrong.txt
        streamer forget wrong.txt --purge
    """
    from streamer.service import takeback

    _run(common, flags, lambda request: takeback.forget(checkpoints, name, request))


@command()
@click.option("--to", required=True, metavar="MOMENT", help="A date, a time ago, a snapshot, or a number of words.")
@_options
@common_options
@click.pass_obj
def rollback(common: Common, /, to: str, checkpoints: Path, **flags: Any) -> None:
    """Go back to a moment of the stream, exactly.

    The model becomes what it was at the last snapshot or kept state until then. What was trained later is trained again
    by the next `watch`, if it is still there; to prevent that, move it away, or use `streamer forget`.

    \b
        streamer rollback --to yesterday --dry-run
        streamer rollback --to snapshot-42
    """
    from streamer.service import rollback as going_back

    _run(common, flags, lambda request: going_back.rollback(checkpoints, to, request), back_to=to)


def _run(common: Common, flags: dict[str, Any], take_back: Callable[[Request], Outcome], *, back_to: str = "") -> None:
    signals = click.get_current_context().with_resource(StopSignals())
    from streamer.service.takeback import Request

    log_to_stderr()
    how = {key: flags.pop(key, False) for key in ("dry_run", "without_missing", "purge")}
    given, run = resolve(common.config, flags)
    request = Request(run, **how, tokenizer=given.get("tokenizer"), check=signals.check)
    try:
        outcome = take_back(request)
    except Stopped:
        say("stopped: nothing was changed, and the same command begins again")
        return
    if request.dry_run:
        _print_dry_run(outcome, request)
    elif back_to:
        _print_back(outcome, request, back_to)
    else:
        _print_done(outcome, request)


def _print_dry_run(outcome: Outcome, request: Request) -> None:
    print(f"out: {_names(outcome.out)}")
    print(f"from: {outcome.base}")
    took = "" if outcome.seconds is None else f", about {_time(outcome.seconds)}"
    print(f"trained again: {_files(outcome.files)}, {outcome.bytes:,} bytes, {outcome.words:,} words{took}")
    for what, names in (("gone", outcome.missing), ("changed", outcome.changed)):
        if names:
            print(f"{what}: {_names(names)}")
    if (outcome.missing or outcome.changed) and not request.without_missing:
        print("it would be refused: put these files back, or take them out too with --without-missing")


def _print_done(outcome: Outcome, request: Request) -> None:
    if not outcome.files and not outcome.bytes and not outcome.withdrawn:
        say(f"{_names(outcome.out)}: forgotten, and nothing had to be trained again")
        return
    say(
        f"{_names(outcome.out)}: taken out. {_files(outcome.files)}, {outcome.words:,} words were trained again from "
        f"{outcome.base}; {outcome.checkpoint} is the model that never saw it"
    )
    if lost := [*outcome.missing, *outcome.changed]:
        say(f"the model has not seen {_names(lost)} either: what comes back is trained")
    _print_left(outcome, request)


def _print_back(outcome: Outcome, request: Request, to: str) -> None:
    again = f"; {_files(outcome.files)}, {outcome.words:,} words were trained again for it" if outcome.files else ""
    say(f"back to {printable(to)}, from {outcome.base}: {outcome.checkpoint} is the model as it was then{again}")
    if outcome.out:
        say(f"{_names(outcome.out)}: the next watch trains what came later, if it is still there")
    _print_left(outcome, request)


def _print_left(outcome: Outcome, request: Request) -> None:
    if outcome.withdrawn:
        say(f"{outcome.withdrawn:,} later snapshots were withdrawn")
    if not request.purge:
        say("older checkpoints still know it until they are removed: --purge removes them now")


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(printable, names[:_MOST_NAMES])) + more


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    return (
        f"{seconds:,.0f} s"
        if seconds < 120
        else f"{seconds / 60:,.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:,.1f} h"
    )

"""docs/settings.md lists every setting and option as the product defines them."""

from __future__ import annotations

import attrs
import click
import pytest

from streamer.cli.app import cli
from streamer.settings import TOKENIZERS, ModelSettings, RunSettings, as_duration, flag, names

from .pages import DOCS, section

HEAD = "| flag | variable | TOML key | default | values | meaning |\n|---|---|---|---|---|---|\n"
COMMON = ("checkpoints", "config", "log_format", "log_level")
PAGE = (DOCS / "settings.md").read_text(encoding="utf-8")


def table(cls: type[attrs.AttrsInstance]) -> str:
    """Return the table of some settings as it should stand on the page."""
    return HEAD + "".join(f"{_row(field)}\n" for field in attrs.fields(cls))


def _row(field: attrs.Attribute[object]) -> str:
    name = field.name
    default, values = _default(field), _values(field)
    code = f"`{flag(name)}` | `STREAMER_{name.upper()}` | `{name.replace('_', '-')}`"
    return f"| {code} | {default} | {values} | {field.metadata['help']} |"


def _default(field: attrs.Attribute[object]) -> str:
    default = field.default
    if field.name == "threads":
        return "all cores"
    if field.name == "boundary":
        return "paragraph; line for logs and social"
    if isinstance(default, tuple):
        return " ".join(f"`{glob}`" for glob in default) or "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    if field.metadata["duration"]:
        return as_duration(default)  # type: ignore[arg-type]
    return f"{default:g}" if isinstance(default, float) else str(default) or "none"


def _values(field: attrs.Attribute[object]) -> str:  # noqa: PLR0911 - one for each kind of setting
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if field.name == "tokenizer":
        choices = (*TOKENIZERS, "module:function")
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if field.metadata["duration"] or field.metadata["amount"]:
        return (
            "an amount, such as 4G" if field.metadata["amount"] else "a duration" + f" of {low:g}s or more" * (low > 0)
        )
    if low is not None:
        low, high = (None if end is None else f"{end:g}" if end < 1 else str(end) for end in (low, high))
        return f"{low} or more" if high is None else f"{low} to {high}"
    if field.metadata["lines"]:
        return "a file"
    if field.metadata["rule"]:
        return str(field.metadata["rule"][1])
    if str(field.type) == "tuple[str, ...]":
        return f"{field.metadata['metavar'].lower()}s"
    return "yes or no" if str(field.type) == "bool" else "a name"


@pytest.mark.parametrize(
    ("heading", "cls"), [("## Settings of the model", ModelSettings), ("## Settings of a run", RunSettings)]
)
def test_the_table_is_what_the_settings_are(heading: str, cls: type[attrs.AttrsInstance]) -> None:
    """Flag, variable, key, default, bounds and help are those of streamer.settings."""
    lines = [line for line in section(PAGE, heading).splitlines() if line.startswith("|")]
    right = table(cls)
    assert "\n".join(lines) + "\n" == right, f"under {heading!r} there should be:\n\n{right}"


@pytest.mark.parametrize("command", ["watch", "train"])
def test_every_option_that_reads_a_variable_is_on_the_page(command: str) -> None:
    """Options of the commands that train are settings, or in the table of options that are not."""
    options = {param.name: param for param in cli.commands[command].params if param.envvar}
    assert options.keys() == {*COMMON, *names(ModelSettings, RunSettings)}
    others = section(PAGE, "## Other options")
    for name in COMMON:
        assert f"| `{flag(name)}` | `{options[name].envvar}` | {_common_default(options[name])} |" in others


def _common_default(option: click.Parameter) -> str:
    return f"`{option.default}`" if isinstance(option.default, str) else "none"

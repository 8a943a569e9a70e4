"""The program ``streamer``: all commands, grouped by purpose."""

from __future__ import annotations

import click

from streamer.cli import ask, explain, export, history, learn, look, prepare, release, takeback, teach

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Prepare": (prepare.words, prepare.phrases),
    "Learn": (learn.watch, learn.train, release.release),
    "Look": (look.status, look.files, look.list_checkpoints, look.snapshots, look.verify, look.sizing),
    "Ask": (ask.similar, ask.analogy, ask.evaluate, explain.explain),
    "Compare": (history.diff, history.drift, history.timeline, history.emerging),
    "Export": (export.export, export.plot),
    "Take back": (takeback.forget, takeback.rollback),
    "Teach": (teach.inspect,),
}


class _Sections(click.Group):
    """A group whose help lists its commands by purpose."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.commands)
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{c.name:<{width}}", c.get_short_help_str(80)) for c in commands])


@click.group(cls=_Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="streamer-embeddings", prog_name="streamer")
def cli() -> None:
    """Train word vectors on text that keeps coming.

    Put text files into a folder: streamer trains on each of them. Stop and resume at any time.

    \b
        streamer watch data/inbox        train on each file in the folder
        streamer similar king queen      show neighbours, even during training
    """


for _commands in SECTIONS.values():
    for _command in _commands:
        cli.add_command(_command)

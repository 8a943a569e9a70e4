"""Thousands of bent checkpoints: none is loaded wrongly, none ends the process, and a good one beside is found."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import streamer
from streamer.checkpoints import FORMAT_VERSION, Store, Tree, decode, encode
from streamer.errors import ExitCode, StreamerError
from streamer.state import State, reading
from streamer.training.trainer import Trainer

from ..support.process import POWERLESS, QUICK, done, run
from . import bent
from .conftest import Amount, Tell
from .nonsense import NONSENSE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two checkpoints of a real trainer."""
    folder = tmp_path_factory.mktemp("originals")
    bent.make(folder)
    return folder


def load_all(how: str, count: int, originals: Path) -> tuple[list[str], int, list[str]]:
    """Load so many bent checkpoints in other processes; return what went wrong, the deaths, and what they summed up."""
    wrong: list[str] = []
    summaries: list[str] = []
    deaths = first = 0
    while first < count:
        last = min(first + 1000, count)
        command = [sys.executable, "-m", "tests.faults.bent", how, str(first), str(last), str(originals)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        child = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        lines = child.stdout.splitlines()
        summaries += [line for line in lines if line.startswith("{")]
        wrong += [line for line in lines if not line.startswith("{") and not line.isdecimal()]
        if child.returncode:
            deaths += 1
            number = int([line for line in lines if line.isdecimal()][-1])
            wrong.append(f"{number}: ended with {child.returncode}: {child.stderr[-500:]}")
            last = number + 1
        first = last
    return wrong, deaths, summaries


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("how", "short", "long"), [("bent", 1_000, 60_000), ("sealed", 120, 20_000)])
def test_bent_checkpoints_do_no_harm(
    how: str, short: int, long: int, originals: Path, amount: Amount, tell: Tell
) -> None:
    """Bits, pages, lengths, parts of others: 65, or exactly the older one beside; behind a right digest, 65 or a model.

    Each is loaded as the service, Python, the readers and ``verify`` do, in processes with 1 GB and 5 seconds for each.
    """
    count = amount(short, long)
    wrong, deaths, summaries = load_all(how, count, originals)
    data, other = ((originals / f"{number}.h5").read_bytes() for number in (2, 1))
    distinct = {hash(getattr(bent, how)(data, other, number)) for number in range(count)}
    came_of = sum(map(Counter, (json.loads(summary)["came of"] for summary in summaries)), Counter[str]())
    slowest = max(json.loads(summary)["slowest"] for summary in summaries)
    tell(
        f"damage: {count:,} {how} checkpoints, {len(distinct):,} of them distinct: {len(wrong)} loaded wrongly, "
        f"{deaths} deaths, the slowest took {slowest} s; {dict(came_of)}"
    )
    assert not wrong, wrong[:10]
    assert not deaths


def test_what_bends_checkpoints_bends_them(originals: Path) -> None:
    """No two of the first mutations are the same, none is the original, and with a right digest many decode."""
    data, other = ((originals / f"{number}.h5").read_bytes() for number in (2, 1))
    found = [bent.bent(data, other, number) for number in range(300)]
    assert len(set(found)) > 200
    assert data not in found and other not in found
    assert {len(one) % bent.PAGE for one in found[: len(data) // bent.PAGE]} == {0}
    readable = 0
    for number in range(60):
        try:
            decode(io.BytesIO(bent.sealed(data, other, number)))
            readable += 1
        except Exception:
            pass
    assert readable > 20


@pytest.fixture
def tree(originals: Path) -> Tree:
    """Return the tree of a real checkpoint, to be bent."""
    return decode(io.BytesIO((originals / "2.h5").read_bytes()))


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_with_a_reason(name: str, tree: Tree, tmp_path: Path) -> None:
    """What cannot have come about is an error 65 that says what is wrong, for the trainer and for ``verify``."""
    leaf, change = NONSENSE[name]
    store = Store(tmp_path)
    store.save(tree, 1)
    Trainer.resume(tmp_path, threads=1)
    store.save({**tree, leaf: change(tree[leaf])}, 2)
    for read in (lambda: Trainer.resume(tmp_path, threads=1), lambda: reading.verify(tmp_path)):
        with pytest.raises(StreamerError) as refused:
            read()
        assert refused.value.code == ExitCode.DAMAGED
    group = leaf.split("/", maxsplit=1)[0]
    said = refused.value.problem
    assert "checkpoint-0000000002.h5" in said
    assert (
        group in said or (group == "settings" and "embeddings" in said) or (group == "progress" and "history" in said)
    )


def test_a_bent_history_is_refused(tree: Tree) -> None:
    """A history with as many rows as are never kept, which would break off the training at the next block."""
    columns = {key: np.zeros(2048) for key in tree if key.startswith("history/") and key != "history/resolution"}
    Trainer.of(State.from_tree({**tree, **{key: column[:2047] for key, column in columns.items()}}))
    with pytest.raises(StreamerError, match="rows of history"):
        Trainer.of(State.from_tree({**tree, **columns}))


def test_bent_scores_are_refused(tree: Tree) -> None:
    """Scores with as many rows as are never kept."""
    columns = {
        key: np.repeat(np.asarray(tree[key])[:1], 4096)
        for key in tree
        if key.startswith("scores/") and key != "scores/tests"
    }
    Trainer.of(State.from_tree({**tree, **{key: column[:4095] for key, column in columns.items()}}))
    with pytest.raises(StreamerError, match="rows and 2 tests"):
        Trainer.of(State.from_tree({**tree, **columns}))


def test_the_command_judges_what_is_within(tree: Tree, tmp_path: Path) -> None:
    """`verify` and `checkpoints` look into a whole file too: of nonsense, or of something else, they say so."""
    store = Store(tmp_path / "checkpoints")
    store.save(tree, 1)
    store.save({**tree, "noise/due": -1}, 2)
    store.save({"cake": 1}, 3)
    damaged = store.save(tree, 4).path
    damaged.write_bytes(damaged.read_bytes()[:-1])
    for name, said in ((2, "noise/due is -1"), (3, "not a streamer checkpoint"), (4, "does not end")):
        ended = run("verify", f"checkpoint-{name:010d}.h5", folder=tmp_path)
        assert (ended.code, ended.stdout) == (65, "")
        assert said in ended.stderr
    done("verify", "checkpoint-0000000001.h5", folder=tmp_path)
    rows = done("checkpoints", "--json", folder=tmp_path).json
    assert [(row["sequence"], row["verified"]) for row in rows] == [(4, False), (3, False), (2, False), (1, True)]
    assert [row.get("reason", "").partition(":")[0] for row in rows[1:]] == ["the checkpoint cannot be used"] * 2 + [""]
    assert rows[0]["reason"].startswith("it does not end like a checkpoint")
    table = done("checkpoints", folder=tmp_path).stdout
    assert "noise/due is -1" in table


def save_some(folder: Path, count: int = 2) -> list[Path]:
    """Have a real trainer save so many checkpoints; return them, the newest first."""
    inbox = folder / "inbox"
    inbox.mkdir()
    for number in range(count):
        (inbox / f"{number}.txt").write_text(f"the {number} king sat in the castle with the queen and a dog\n" * 20)
        done("watch", "inbox", "--once", *QUICK, "--min-count", "2", folder=folder)
    return sorted((folder / "checkpoints").glob("*.h5"), reverse=True)


def test_all_damaged_is_the_end(tmp_path: Path) -> None:
    """Where no checkpoint is whole, the trainer ends with 65, once and again, and makes none."""
    for path in save_some(tmp_path):
        path.write_bytes(path.read_bytes()[:4096])
    for _ in range(2):
        assert run("watch", "inbox", "--once", *QUICK, folder=tmp_path).code == 65
        assert not list((tmp_path / "checkpoints").glob("*.h5"))
        assert len(list((tmp_path / "checkpoints").glob("*.damaged"))) == 2


def test_the_newest_damaged_gives_way(tmp_path: Path) -> None:
    """It is set aside, the log says why, and the one before goes on with what it had not seen."""
    newest, before = save_some(tmp_path)
    newest.write_bytes(newest.read_bytes() + b"more")
    ended = done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    (line,) = ended.events("checkpoint.damaged")
    assert (line["name"], line["set_aside"]) == (newest.name, f"{newest.name}.damaged")
    assert "something was added" in line["reason"]
    assert ended.events("checkpoint.resumed")[0]["name"] == before.name
    assert [event["path"] for event in ended.events("file.trained")] == ["1.txt"]


def test_readers_say_that_they_pass_one_over(tmp_path: Path) -> None:
    """The vectors come from an older one, and one line of the log says why; stdout has the answer and nothing else."""
    newest, _ = save_some(tmp_path)
    newest.write_bytes(b"")
    for command in (["similar", "king", "--json"], ["status", "--json"], ["files", "--json"]):
        ended = done(*command, folder=tmp_path)
        assert ended.json
        (line,) = ended.events("checkpoint.damaged")
        assert (line["name"], line["level"]) == (newest.name, "warning")
        assert "too short" in line["reason"]
    assert done("export", "vectors.txt", "--log-level", "error", folder=tmp_path).stderr.count("\n") == 1
    code = "import streamer; print(len(streamer.load('checkpoints')))"
    python = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert python.stdout.strip().isdecimal()
    assert "checkpoint.damaged" in python.stderr


def test_one_that_may_not_be_read_is_not_damaged(tmp_path: Path) -> None:
    """Without the right to read the newest, the trainer ends with 66 and touches nothing."""
    newest, _ = save_some(tmp_path)
    newest.chmod(0)
    names = sorted(path.name for path in newest.parent.iterdir())
    ended = run("watch", "inbox", "--once", *QUICK, folder=tmp_path, command=POWERLESS)
    if ended.code == 77:
        pytest.skip("root may not give up its powers here")
    assert ended.code == 66
    assert "cannot read" in ended.stderr
    assert sorted(path.name for path in newest.parent.iterdir()) == names


@pytest.mark.parametrize("change", [{}, {"later/array": "an array in pieces, as no version of today stores them"}])
def test_a_newer_format_is_left_alone(tmp_path: Path, change: dict[str, str]) -> None:
    """A checkpoint of a later version ends with 65 and a hint; it is neither set aside nor retired nor buried."""
    newest, before = save_some(tmp_path)
    found = decode(io.BytesIO(newest.read_bytes()))
    content = _of_a_later_format(found, in_pieces=bool(change))
    newest.write_bytes(content)
    for command in (["watch", "inbox", "--once", *QUICK, "--keep", "1"], ["similar", "king"], ["verify"]):
        ended = run(*command, folder=tmp_path)
        assert ended.code == 65, ended
        assert f"is {FORMAT_VERSION + 1}, and this version of streamer reads up to {FORMAT_VERSION}" in ended.stderr
        assert "upgrade" in ended.stderr
    assert newest.read_bytes() == content
    assert before.exists()


def _of_a_later_format(tree: Tree, *, in_pieces: bool) -> bytes:
    import h5py

    from streamer.checkpoints import seal

    buffer = io.BytesIO(b"".join(encode({**tree, "format_version": FORMAT_VERSION + 1}))[:-48])
    if in_pieces:
        with h5py.File(buffer, "r+", libver=("v110", "v110")) as file:
            file.create_dataset("later", data=np.zeros(100), chunks=(10,), compression="gzip")
    return b"".join(seal([buffer.getvalue()]))


def test_what_the_disk_bends_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that does not read as it was written is an error 74 and goes; the older ones stay, and it can go on.

    The disk bends what it was given once it was told to write it, where no later check of ours could see it.
    """
    trainer = Trainer(vector_size=8, min_count=1, threads=1).partial_fit(["one two three"])
    trainer.save(tmp_path, keep=1)
    good = {path.name: path.read_bytes() for path in tmp_path.glob("*.h5")}
    image = Store(tmp_path)
    rename = streamer.system.disk.rename

    def bends(old: Path, new: Path, name: str) -> None:
        data = bytearray(old.read_bytes())
        data[len(data) // 2] ^= 4
        old.write_bytes(data)
        rename(old, new, name)

    with monkeypatch.context() as patched:
        patched.setattr("streamer.system.disk.rename", bends)
        with pytest.raises(StreamerError, match=r"0000000002\.h5.*SHA-256") as refused:
            image.save(trainer.state.to_tree(), 2)
    assert refused.value.code == ExitCode.CANNOT_WRITE
    assert refused.value.hint
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"} == good
    image.save(trainer.state.to_tree(), 2)
    assert reading.verify(tmp_path).sequence == 2


def test_reading_again_survives_a_signal_and_a_short_read(tmp_path: Path) -> None:
    """`STREAMER_FAILPOINT` shows it in a real process: what cannot be read again is not told, and is tried again."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.txt").write_text("the king sat in the castle\n" * 20)
    command = ("watch", "inbox", "--once", *QUICK, "--min-count", "1")
    failing = run(*command, folder=tmp_path, environment={"STREAMER_FAILPOINT": "checkpoint.reread:EIO:2+"})
    assert failing.code == 74
    assert "not what was written" in failing.stderr
    assert not list((tmp_path / "checkpoints").glob("*.h5"))
    assert run(*command, folder=tmp_path, environment={"STREAMER_FAILPOINT": "checkpoint.reread:short:2+"}).code == 0
    done("verify", folder=tmp_path)
    killed = tmp_path / "checkpoints"
    shutil.rmtree(killed)
    ended = run(*command, folder=tmp_path, environment={"STREAMER_FAILPOINT": "checkpoint.reread:kill"})
    assert ended.code == -signal.SIGKILL
    done(*command, folder=tmp_path)

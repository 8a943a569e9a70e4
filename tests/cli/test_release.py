"""The command that releases files: what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from streamer.ledger.entries import Signature, Verdict
from streamer.training import Trainer

from ..support.process import done, run


def test_release(tmp_path: Path) -> None:
    """It says how many files were released; a name that is wrong is an error with a hint, and nothing is released."""
    trainer = Trainer(vector_size=4, min_count=1, threads=1).partial_fit(["a b"])
    entry = trainer.state.ledger.plan("a.txt", Verdict(Signature(5, 1, 1), b"a" * 32, 5, text_sha256=b"a" * 32))
    assert entry is not None
    trainer.state.ledger.hold(entry, "unusual: loss 9.00, usually 2.50")
    trainer.save(tmp_path / "checkpoints")
    listed = done("files", "--outcome", "held", folder=tmp_path).stdout
    assert "a.txt  unusual: loss 9.00, usually 2.50" in listed
    wrong = run("release", "a.txt", "b.txt", folder=tmp_path)
    assert wrong.code == 66
    assert "no file b.txt is known" in wrong.stderr
    assert "streamer files --outcome held" in wrong.stderr
    assert done("release", "a.txt", folder=tmp_path).stdout == "released 1 file: trained when a trainer runs\n"
    assert run("release", "a.txt", folder=tmp_path).code == 66
    assert run("release", folder=tmp_path).code == 2

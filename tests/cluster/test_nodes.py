"""The trainer's side: Ray on this machine, its signals, its end, and all that can be wrong with an address."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamer.cluster import Nodes, connect
from streamer.cluster import nodes as module
from streamer.cluster.messages import Alive, Setup, receive, send
from streamer.errors import ExitCode, StreamerError
from streamer.system.processes import spawn

from ..support import lanes
from .network import ROOT, Trainer, closing, wait
from .trainer import digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Return Ray on this machine."""
    nodes = connect("local")
    yield nodes
    nodes.close()


def folder_of(trainer: Trainer) -> str:
    """Return the folder of the Ray that a trainer has started: sessions in it have the number of its helper."""
    number = trainer.process.pid
    (helper,) = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    (session,) = Path("/tmp").glob(f"ray-????????/session_*_{helper}")
    return str(session.parent)


def processes(word: str) -> list[str]:
    """Return the commands of running processes in which a word is."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(path.read_bytes().decode(errors="replace"))
    return [command for command in commands if word in command]


def test_calls_are_done_here(nodes: Nodes) -> None:
    """In their order, with the bits of this process; the arrays are read-only."""
    assert nodes.size == len(os.sched_getaffinity(0))
    calls = lanes.calls(5)
    values = nodes.map(lanes.lane, calls)
    assert digest(values) == digest(lanes.here(calls))
    assert not values[0][0].flags.writeable
    assert nodes.map(lanes.lane, []) == []


def test_arrays_of_any_kind_arrive(nodes: Nodes) -> None:
    """Whether or not they go through the object store."""
    arrays = [
        np.arange(9), np.zeros((0, 3)), np.array(["a", "bc"]), np.ones((300, 300)).T, np.ones((300, 300))[::2, ::3],
        np.array(2.5), np.arange(10**6)[::-1],
    ]  # fmt: skip
    for array, (value,) in zip(arrays, nodes.map(lanes.same, [(array,) for array in arrays]), strict=True):
        assert value.dtype == array.dtype
        np.testing.assert_array_equal(value, array)


def test_each_call_has_one_thread_of_blas(nodes: Nodes) -> None:
    """Or the calls on a machine would compete for its cores."""
    assert nodes.map(lanes.blas_threads, [()]) == [1]


def test_what_a_function_raises(nodes: Nodes) -> None:
    """It is raised here: that of the first call, whichever was done first; then work goes on."""
    with pytest.raises(ValueError, match=r"^odd: 3$"):
        nodes.map(lanes.boom, [(2,), (3,), (5,)])
    with pytest.raises(RuntimeError, match=r"^StubbornError: it cannot be pickled$"):
        nodes.map(lanes.stubborn, [()])
    assert nodes.map(lanes.boom, [(2,), (4,)]) == [2, 4]


def test_a_function_without_a_name(nodes: Nodes) -> None:
    """It would have to be sent by value, and nobody would know which version of it a node has."""
    with pytest.raises(TypeError, match="no import path"):
        nodes.map(lambda: None, [()])


def test_a_call_that_ends_its_process() -> None:
    """It is done again, but not for ever; then the nodes are closed, and nothing is left of them."""
    nodes = connect("local")
    with pytest.raises(StreamerError, match="again and again") as caught:
        nodes.map(lanes.die, [()])
    assert caught.value.code == ExitCode.SYSTEM and nodes.size == 0
    with pytest.raises(StreamerError, match="closed"):
        nodes.map(lanes.boom, [(2,)])


def local() -> Trainer:
    """Start a trainer with Ray on this machine."""
    return Trainer([sys.executable, "-m", "tests.cluster.trainer", "local"], dict(os.environ))


def test_signals_reach_the_trainer_and_nobody_else() -> None:
    """Whether its handlers were there before Ray or come after it. Ctrl-C is sent to the whole group."""
    with closing(local()) as trainer:
        trainer.until("connected")
        trainer.begin(4, 1.0)
        os.kill(trainer.process.pid, signal.SIGTERM)
        assert trainer.until("heard")["heard"] == "SIGTERM"
        os.kill(trainer.process.pid, signal.SIGINT)
        assert trainer.until("heard")["heard"] == "SIGINT"
        assert trainer.until("digest")["digest"] == digest(lanes.here(lanes.calls(4)))
        trainer.end()


def test_ctrl_c_in_a_terminal() -> None:
    """It goes to all processes of the group; the helper and Ray are in another."""
    with closing(local()) as trainer:
        trainer.until("connected")
        trainer.begin(4, 1.0)
        os.killpg(trainer.process.pid, signal.SIGINT)
        assert trainer.until("heard")["heard"] == "SIGINT"
        assert "digest" in trainer.until("digest")
        trainer.end()


def test_a_trainer_that_is_killed_leaves_nothing() -> None:
    """Neither processes nor files, though it is in the middle of a round."""
    with closing(local()) as trainer:
        trainer.until("connected")
        folder = folder_of(trainer)
        assert processes(folder)
        trainer.begin(4, 60.0)
        trainer.process.kill()
    wait(lambda: not processes(folder) and not Path(folder).exists())


def quiet(descriptor: int) -> None:
    """Be a helper that never has a result, and ends when the trainer closes the socket."""
    connection = socket.socket(fileno=descriptor)
    receive(connection)
    send(connection, Alive(1))
    with contextlib.suppress(EOFError):
        while True:
            receive(connection)


def test_closing_ends_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it gets an error at once, and the helper leaves the cluster as it should."""

    def helper(_module: str, _function: str, descriptors: list[int], **_: object) -> subprocess.Popen[bytes]:
        return spawn("tests.cluster.test_nodes", "quiet", descriptors)

    monkeypatch.setattr(module, "spawn", helper)
    nodes = Nodes(Setup("auto", False, {}, 1, 0, ""), {})
    process = nodes._process
    assert process is not None
    errors: list[BaseException] = []

    def wait_for_it() -> None:
        try:
            nodes.map(lanes.boom, [(0,)])
        except StreamerError as error:
            errors.append(error)

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    nodes.close()
    thread.join(30)
    assert time.monotonic() - began < module.LEAVE / 2
    assert len(errors) == 1 and process.returncode == 0


def test_ray_is_not_installed() -> None:
    """One line names what to install."""
    code = (
        "import sys; sys.modules['ray'] = None\nimport streamer.cluster\n"
        "try: streamer.cluster.connect('local')\n"
        "except Exception as error: print(repr(error), error.hint)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert ended.stdout == "StreamerError('a cluster needs Ray') pip install 'streamer-embeddings[cluster]'\n", ended


def test_the_trainer_never_imports_ray() -> None:
    """The helper does: Ray would take over signals, and wait without a limit."""
    code = "import sys, streamer.cluster as c; c.connect('local').close(); print('ray' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=200)
    assert (ended.stdout.splitlines()[-1], ended.stderr) == ("False", ""), ended


@pytest.mark.parametrize("address", ["", "localhost", "host:", "host:99999", "a b:1", "ray://host:10001"])
def test_what_is_no_address(address: str) -> None:
    """The hint says what is."""
    with pytest.raises(StreamerError, match="is no address of a cluster") as caught:
        connect(address)
    assert caught.value.code == ExitCode.USAGE and "HOST:PORT" in caught.value.hint


def test_nobody_is_at_the_address() -> None:
    """A port that nobody listens at, and a name that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for address in (f"127.0.0.1:{port}", "nobody.invalid:6379"):
        with pytest.raises(StreamerError, match=f"^nobody answers at {address}: ") as caught:
            connect(address)
        assert caught.value.code == ExitCode.SYSTEM and "ray start --head" in caught.value.hint


def test_something_else_is_at_the_address() -> None:
    """It takes connections and says nothing, for which Ray waits longer than anybody wants to."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(StreamerError, match=" does not answer") as caught,
    ):
        connect(f"127.0.0.1:{server.getsockname()[1]}")
    assert caught.value.code == ExitCode.SYSTEM and "RAY_AUTH_MODE" in caught.value.hint


def test_no_room_in_shared_memory() -> None:
    """The object store would go to the disk, or Ray would not start: the error says what is missing."""
    code = "import streamer.cluster\ntry: streamer.cluster.connect('local')\nexcept Exception as error: print(error)"
    script = f'mount -t tmpfs -o size=8m none /dev/shm && exec {sys.executable} -c "$0"'
    command = ["unshare", "-m", "sh", "-c", script, code]
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("mount namespaces need root")
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert ended.stdout == "Ray needs 100 MiB in /dev/shm, and 8 are free (in a container: --shm-size=1g)\n", ended

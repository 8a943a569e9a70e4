"""The helper that talks to Ray, in a process of its own; the only module that imports Ray.

Ray's library takes over signals, writes to the terminal, waits without a limit, and ends the process it is in when it
loses its node. In the trainer, none of that may happen. So the trainer waits for this process, and no longer than it
wants to.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import shutil
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import ray
from ray.exceptions import NodeDiedError, ObjectLostError, RayError, RayTaskError, TaskUnschedulableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from streamer.cluster import remote
from streamer.cluster.members import MIXED, Members
from streamer.cluster.messages import UNSAVED, Alive, Failure, Packed, Result, Round, Setup, receive, send, unpack
from streamer.cluster.placement import Placement
from streamer.errors import ExitCode, StreamerError

BEAT = 1.0
"""Seconds between two looks at the nodes."""
ALONE = 15.0
"""Seconds in which a node may come when there is none."""
FIRST = 20.0
"""Seconds in which the nodes that are there have to say what they are."""
INLINE = 65_536
"""Bytes up to which arguments go with the call, and not through the object store."""

_GONE = (NodeDiedError, ObjectLostError, TaskUnschedulableError)  # a call is not to blame for these


def serve(descriptor: int) -> None:
    """Connect to a cluster and do rounds until the trainer closes the socket.

    Args:
        descriptor: The socket.
    """
    with contextlib.suppress(OSError):  # it belongs to nobody's terminal
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
    connection = socket.socket(fileno=descriptor)
    setup, _ = receive(connection)
    threading.Thread(target=_end_with_trainer, args=(descriptor, setup.folder), daemon=True).start()
    helper = _Helper(connection, setup)
    try:
        helper.start()
        while True:
            helper.wait()
            head, _ = receive(connection)
            helper.round(head)
    except (EOFError, ConnectionError):
        pass
    except StreamerError as error:
        with contextlib.suppress(OSError):
            send(connection, Failure(error.problem, error.hint, error.code))
    finally:
        helper.close()
        connection.close()


def _end_with_trainer(descriptor: int, folder: str) -> None:
    """End this process soon after the trainer is gone, whatever Ray is doing."""
    poll = select.poll()
    poll.register(descriptor, 0)  # its end is always reported
    poll.poll()
    time.sleep(5.0)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


class _Helper:
    """A driver of Ray.

    Args:
        connection: The socket to the trainer.
        setup: What it has to know.
    """

    def __init__(self, connection: socket.socket, setup: Setup) -> None:
        self._connection, self._setup = connection, setup
        self._expected = None if setup.allow_mixed else setup.here
        self._members = Members(setup.here, setup.allow_mixed)
        self._asked: dict[Any, str] = {}
        self._looked = self._nobody = 0.0
        self._ask: Any = None
        self._run: Any = None

    def start(self) -> None:
        """Connect, and ask the nodes what they are.

        Raises:
            StreamerError: If there is no cluster, or no node may be used.
        """
        local = self._setup.address == "local"
        options: dict[str, Any] = {
            "num_cpus": self._setup.cpus,
            "object_store_memory": self._setup.memory,
            "include_dashboard": False,
            "_temp_dir": self._setup.folder,
        }
        try:
            ray.init(
                address=self._setup.address,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **(options if local else {}),
            )
        except Exception as error:  # Ray has no class of its own for them
            raise _refused(error, self._setup.address) from None
        self._ask = ray.remote(num_cpus=0, max_retries=0)(remote.ask)
        self._run = ray.remote(num_cpus=1, max_retries=0)(remote.run)
        began = time.monotonic()
        while True:
            self._look()
            waiting = bool(self._members.to_ask()) and time.monotonic() - began < FIRST
            if not waiting and (self._members.usable() or self._members.refusals()):
                break
            self._patience()
            send(self._connection, Alive(0))  # a node may need longer to answer than the trainer waits in silence
            time.sleep(0.05)
        if not self._members.usable():
            raise self._no_node()
        self._report()

    def wait(self) -> None:
        """Wait until the trainer says something, with an eye on the nodes."""
        while not select.select([self._connection], [], [], BEAT)[0]:
            self._look()

    def round(self, head: Round) -> None:
        """Do all calls of a round, and send the results as they come.

        Raises:
            StreamerError: If no node is left, or a call ends each process that runs it.
        """
        calls = [receive(self._connection)[1] for _ in range(head.calls)]
        placement: Placement[Any] = Placement(head.calls)
        self._nobody = 0.0
        while placement.left():
            if time.monotonic() - self._looked > BEAT:
                self._look(placement)
                self._patience()
                self._report()
            while (pair := placement.next(self._members.usable())) is not None:
                call, node = pair
                run = self._run.options(scheduling_strategy=_on(node))
                ref = run.remote(self._expected, head.function, *_stored(calls[call]))
                placement.started(ref, call, node)
            if not placement.running:
                time.sleep(0.1)
                continue
            refs = list(placement.running)
            for ref in ray.wait(refs, num_returns=1, timeout=BEAT)[0]:
                self._take(ref, placement)

    def close(self) -> None:
        """Leave the cluster; if it was started here, end it."""
        self._members.close()
        with contextlib.suppress(Exception):
            ray.shutdown()
        if self._setup.folder:
            shutil.rmtree(self._setup.folder, ignore_errors=True)

    def _take(self, ref: Any, placement: Placement[Any]) -> None:
        """Send a result to the trainer, or see to it that there will be one."""
        node = placement.running[ref][1]
        try:
            kind, data, buffers = ray.get(ref, timeout=BEAT)
        except RayTaskError as error:
            raise StreamerError(f"a node cannot run {remote.__name__}: {_line(error)}", code=ExitCode.SYSTEM) from None
        except _GONE:
            placement.again(ref)
            self._look(placement)
            return
        except RayError as error:  # its process ended, perhaps together with its node
            if placement.crashed(ref) and node in self._members.usable():
                raise StreamerError(
                    f"a call ended the process that ran it, again and again: {_line(error)}",
                    hint=UNSAVED,
                    code=ExitCode.SYSTEM,
                ) from None
            self._look(placement)
            return
        if kind == remote.DIFFERS:
            placement.again(ref)
            self._members.refuse(node, unpack(Packed(data, buffers)))
            return
        send(self._connection, Result(placement.ended(ref), kind == remote.RAISED), Packed(data, buffers))

    def _look(self, placement: Placement[Any] | None = None) -> None:
        """See which nodes there are; ask those that are new; take back what lost ones had to do."""
        self._looked = time.monotonic()
        for node in self._members.see(_listed()):
            if placement is not None:
                placement.lost(node)
        for node in set(self._members.to_ask()) - set(self._asked.values()):
            self._asked[self._ask.options(scheduling_strategy=_on(node)).remote()] = node
        if self._asked:
            for ref in ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)[0]:
                self._judge(self._asked.pop(ref), ref)

    def _judge(self, node: str, ref: Any) -> None:
        try:
            self._members.answered(node, ray.get(ref, timeout=BEAT))
        except RayTaskError as error:
            missing = "No module named 'streamer" in str(error)
            problem = "streamer is not installed there" if missing else _line(error)
            self._members.unanswered(node, problem, final=True)
        except RayError as error:
            self._members.unanswered(node, _line(error), final=False)

    def _patience(self) -> None:
        """Give up if there has been no node for long."""
        if self._members.usable():
            self._nobody = 0.0
        elif not self._nobody:
            self._nobody = time.monotonic()
        elif time.monotonic() - self._nobody > ALONE:
            raise self._no_node()

    def _no_node(self) -> StreamerError:
        if refusals := self._members.refusals():
            problem = "no node of the cluster may be used: " + "; ".join(refusals)
            return StreamerError(problem, hint=MIXED, code=ExitCode.CONFIGURATION)
        return StreamerError("no node of the cluster is left", hint=UNSAVED, code=ExitCode.SYSTEM)

    def _report(self) -> None:
        for event in self._members.events:
            send(self._connection, event)
        self._members.events.clear()
        send(self._connection, Alive(sum(self._members.usable().values())))


def _listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return found


def _stored(packed: Packed) -> Sequence[Any]:
    """Return the arguments of a call, the large ones in the object store.

    A call that is done again gets objects of its own. Of those of the first time, Ray would remember that a lost node
    had copies, and ask that node for up to 30 seconds.
    """
    arrays = [np.frombuffer(buffer, np.uint8) for buffer in packed.buffers]
    return [bytes(packed.data), *(ray.put(array) if array.nbytes > INLINE else array for array in arrays)]


def _on(node: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node, soft=False)


def _line(error: Exception) -> str:
    """Return what an error of Ray says at last, which is the cause, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _refused(error: Exception, address: str) -> StreamerError:
    """Return why Ray could not be started or joined."""
    told = " ".join(str(error).split()) or type(error).__name__
    if "Version mismatch" in told:
        hint = "install the same versions of Python and Ray on all machines"
        return StreamerError(f"cannot join the cluster at {address}: {told}", hint=hint, code=ExitCode.CONFIGURATION)
    if address == "local":
        return StreamerError(f"cannot start Ray on this machine: {told}", code=ExitCode.SYSTEM)
    hint = "the trainer's machine needs a node too: ray start --address=HOST:PORT --num-cpus=0"
    return StreamerError(f"cannot join the cluster at {address}: {told}", hint=hint, code=ExitCode.SYSTEM)

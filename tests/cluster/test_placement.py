"""Which node gets which call."""

from __future__ import annotations

from streamer.cluster.placement import TRIES, Placement


def begun(calls: int, cpus: dict[str, int]) -> tuple[Placement[str], list[tuple[int, str]]]:
    """Return a placement with as many calls started as nodes can take."""
    placement: Placement[str] = Placement(calls)
    pairs = []
    while (pair := placement.next(cpus)) is not None:
        placement.started(f"ref{pair[0]}", *pair)
        pairs.append(pair)
    return placement, pairs


def test_no_node_has_more_calls_than_cpus() -> None:
    """The emptiest is served first."""
    placement, pairs = begun(9, {"a": 1, "b": 3})
    assert [call for call, _ in pairs] == [0, 1, 2, 3]
    assert sorted(node for _, node in pairs) == ["a", "b", "b", "b"]
    assert placement.next({}) is None
    assert placement.ended("ref1") == 1
    assert placement.next({"a": 1, "b": 3}) == (4, pairs[1][1])


def test_it_ends_when_all_calls_have_a_result() -> None:
    """Neither before nor after."""
    placement, _ = begun(2, {"a": 2})
    assert placement.ended("ref0") == 0 and placement.left()
    assert placement.ended("ref1") == 1 and not placement.left()
    assert not Placement[str](0).left()


def test_what_a_lost_node_had_comes_first() -> None:
    """In its order; what others have stays there."""
    placement, pairs = begun(6, {"a": 2, "b": 1})
    theirs = [call for call, node in pairs if node == "a"]
    assert placement.lost("a") == 2
    assert [*placement.waiting] == [*theirs, 3, 4, 5]
    assert [node for _, node in placement.running.values()] == ["b"]
    assert placement.lost("a") == 0
    assert placement.next({"b": 1}) is None


def test_a_call_that_crashes_again_and_again() -> None:
    """It is to blame after some times; a node that went away is not counted."""
    placement, _ = begun(1, {"a": 1})
    for number in range(1, TRIES + 1):
        placement.again(next(iter(placement.running)))
        call, node = placement.next({"a": 1}) or (0, "")
        placement.started("ref", call, node)
        assert placement.crashed("ref") == (number == TRIES)
        call, node = placement.next({"a": 1}) or (0, "")
        placement.started("ref", call, node)

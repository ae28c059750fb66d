"""Going ahead changes nothing but the time: order, errors and ends are those of the iterator itself."""

from __future__ import annotations

import threading

import pytest

from vidream.temporal.prefetch import Ahead


def test_items_come_in_their_order_and_end():
    with Ahead(range(50), depth=3) as ready:
        assert list(ready) == list(range(50))


def test_an_error_comes_where_its_item_would_have_come():
    def items():
        yield 1
        yield 2
        raise OSError("the drive is gone")

    found = []
    with pytest.raises(OSError, match="drive is gone"), Ahead(items()) as ready:
        for item in ready:
            found.append(item)
    assert found == [1, 2]


def test_no_more_than_its_depth_is_made_before_it_is_asked_for():
    made, three = [], threading.Event()

    def items():
        for number in range(100):
            made.append(number)
            if number == 2:
                three.set()
            yield number

    with Ahead(items(), depth=2) as ready:
        assert three.wait(10)
        assert made == [0, 1, 2]
        assert next(iter(ready)) == 0


def test_leaving_early_stops_the_thread_and_frees_the_iterator():
    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    closed, source = threading.Event(), items()
    with Ahead(source) as ready:
        assert next(iter(ready)) == 0
    assert not any(thread.name == "vidream-ahead" for thread in threading.enumerate())
    source.close()
    assert closed.is_set()

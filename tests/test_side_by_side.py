"""The networks of a step share the processor's cores out; what else runs changes nothing."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from conftest import make_tiny_net, textured
from test_networks_together import BARE, other_net

from vidream import Dreamer, Preset
from vidream.engine.side_by_side import SideBySide, leaves_room, threads_each
from vidream.temporal.stream import Stream

SMALL, LARGE = torch.zeros(1, 3, 180, 320), torch.zeros(1, 3, 360, 640)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("all_threads", "networks", "picture", "each", "room"),
    [
        (1, 1, SMALL, 1, False), (1, 2, SMALL, 1, False),
        (2, 1, SMALL, 1, True), (2, 1, LARGE, 2, False), (2, 2, LARGE, 1, True),
        (3, 1, SMALL, 2, False), (3, 2, LARGE, 1, True),
        (8, 1, SMALL, 8, True), (8, 2, SMALL, 4, True), (8, 3, LARGE, 2, True),
    ],
)  # fmt: skip
def test_threads_are_shared_out_between_networks_and_small_pictures_leave_one(
    threads, all_threads, networks, picture, each, room
):
    threads(all_threads)
    pixels = picture[0, 0].numel()
    assert threads_each(networks, pixels) == each and leaves_room(networks, pixels) == room


def test_inside_every_network_has_its_share_and_afterwards_all_is_as_before(threads):
    threads(4)
    together = SideBySide()
    ready = threading.Barrier(2)

    def call():
        ready.wait(10)  # both at once, or never
        return torch.get_num_threads(), threading.get_ident()

    with together.sharing(2, LARGE):
        (mine, own), (theirs, other) = together.run([call, call])
    assert mine == theirs == 2 and own == threading.get_ident() != other
    assert torch.get_num_threads() == 4


def test_a_network_that_fails_is_told_when_the_others_have_ended(threads):
    threads(2)
    together, ended = SideBySide(), []

    def fail():
        raise ValueError("no such layer")

    def end_late():
        time.sleep(0.1)
        ended.append(True)

    with pytest.raises(ValueError, match="no such layer"), together.sharing(2, LARGE):
        together.run([fail, end_late])
    assert ended and torch.get_num_threads() == 2


def test_side_by_side_networks_make_what_they_make_one_after_the_other(threads):
    picture, found = textured(48, 64), []
    for count in (1, 2):
        threads(count)
        found.append(Dreamer(BARE, networks=[make_tiny_net(), other_net()])(picture))
    assert torch.equal(*found)


def test_a_film_of_the_default_look_is_the_same_to_the_bit_on_one_core_two_and_three(threads):
    frames, films = [textured(90, 160).roll(shift, -1) for shift in (0, 2, 4)], []
    for count in (1, 2, 3):
        threads(count)
        stream = Stream(Dreamer(Preset.load("creatures").replace(first_steps=2)))
        films.append(torch.cat([stream.next(frame) for frame in frames]))
    assert torch.equal(films[0], films[1]) and torch.equal(films[0], films[2])

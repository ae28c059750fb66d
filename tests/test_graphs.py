"""A step given to a GPU in one piece is the step; and nothing in it waits for numbers from the host."""

from __future__ import annotations

import dataclasses
import threading

import pytest
import torch
from conftest import make_tiny_net, textured
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from vidream.engine import cuda_graphs as graphs
from vidream.engine.cuda_graphs import Recorded, StepGraphs
from vidream.engine.dreamer import Dreamer
from vidream.engine.postprocess import finish
from vidream.engine.step_key import NOT_IN_A_STEP, step_key
from vidream.looks.preset import Preset
from vidream.motion.warp import resize_motion, warp_error
from vidream.objectives import channel, layer
from vidream.temporal.carry import carry
from vidream.temporal.stream import Stream
from vidream.zoom.drift_control import DriftControl

PRESET = Preset(octaves=2, first_steps=6, steps=6, jitter=8, evenness=0.4, smoothing=0.6, layers={"block2": 1.0})


class PlainRecorder:
    """Records as a GPU does, as far as anybody can see: one input, one output that the next replay writes over."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def record(self, work, picture):
        self.shapes.append(tuple(picture.shape))
        held, output = picture.clone(), torch.empty_like(picture)
        return Recorded(held, output, lambda: output.copy_(work(held)), work)


def recorded(dreamer: Dreamer, recorder) -> Dreamer:
    dreamer._graphs = StepGraphs(recorder)
    return dreamer


@pytest.mark.parametrize("change", [{}, {"normalise": "laplacian"}, {"tv": 0.2, "subject": {"low": 1.0}}])
def test_a_recorded_step_is_the_step(tiny_net, change):
    preset, picture, recorder = PRESET.replace(**change), textured(90, 120), PlainRecorder()
    wanted = Dreamer(preset, net=tiny_net)(picture)
    found = recorded(Dreamer(preset, net=tiny_net), recorder)(picture)
    assert torch.equal(found, wanted)
    assert recorder.shapes == [(1, 3, 64, 86), (1, 3, 90, 120)]


def test_another_look_or_size_is_another_recording(tiny_net):
    recorder, picture = PlainRecorder(), textured(90, 120)
    dreamer = recorded(Dreamer(PRESET, net=tiny_net), recorder)
    looks = [PRESET, PRESET.replace(layers={"block3": 1.0}), PRESET.replace(smoothing=0.0)]
    for look in looks:
        assert torch.equal(dreamer.with_preset(look)(picture), Dreamer(look, net=tiny_net)(picture))
    small = picture[..., :80, :]
    assert torch.equal(dreamer(small), Dreamer(PRESET, net=tiny_net)(small))
    assert len(recorder.shapes) == len(dreamer._graphs) == 8


def test_recordings_do_not_pile_up(tiny_net, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 3)
    dreamer = recorded(Dreamer(PRESET.replace(octaves=1), net=tiny_net), PlainRecorder())
    for width in range(60, 80):
        dreamer(textured(60, width), steps=3)
        dreamer(textured(50, width), steps=1)
    assert len(dreamer._graphs) == 3
    assert len(dreamer._graphs._calls) <= 12


def test_a_look_that_changes_with_every_frame_is_not_recorded(tiny_net):
    recorder = PlainRecorder()
    changing = PRESET.replace(octaves=1, first_steps=2, steps=1, smoothing="0:0.2, 2s:1")
    stream = Stream(recorded(Dreamer(changing, net=tiny_net), recorder))
    for number in range(6):
        stream.next(textured(60, 80, number))
    assert recorder.shapes == []


def another(item: dataclasses.Field) -> object:
    """A value of a preset field that is not its default, and that the tiny net can take."""
    own = {"layers": {"block3": 1.0}, "subject": {"low": 1.0}, "class_id": "3", "channels": (1, 2), "guide": ("a.png",)}
    default = item.default
    if item.name in own:
        return own[item.name]
    if "allowed" in item.metadata:
        return next(name for name in item.metadata["allowed"] if name != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, (int, float)):
        low, high = item.metadata["low"], item.metadata["high"]
        return low if default == high else type(default)(min(high, default + (1 if isinstance(default, int) else 0.3)))
    return "another"


FIELDS = {item.name: item for item in dataclasses.fields(Preset)}


@pytest.mark.parametrize("name", FIELDS)
def test_every_preset_field_is_in_the_key_or_said_to_enter_no_step(tiny_net, name):
    """A field that is added to the preset is in the key by itself."""
    look = PRESET.replace(description="", guide_share=1.0)
    objective = Dreamer(look, net=tiny_net).objective
    changed = look.replace(**{name: another(FIELDS[name])})
    assert changed != look
    same = step_key(look, objective, tiny_net) == step_key(changed, objective, tiny_net)
    assert same == (name in NOT_IN_A_STEP)
    assert set(FIELDS) >= NOT_IN_A_STEP


@pytest.mark.parametrize("name", sorted(NOT_IN_A_STEP))
def test_a_field_that_is_not_in_the_key_leaves_the_step_as_it_is(tiny_net, name):
    picture, recorder = textured(60, 80), PlainRecorder()
    dreamer = recorded(Dreamer(PRESET, net=tiny_net), recorder)
    for _ in range(2):
        dreamer(picture)
    changed = PRESET.replace(**{name: another(FIELDS[name])})
    found = dreamer.with_preset(changed)(picture, steps=4, step_size=0.01)
    assert torch.equal(found, Dreamer(changed, net=tiny_net)(picture, steps=4, step_size=0.01))


def test_an_equal_look_made_anew_uses_the_recording(tiny_net):
    recorder, picture = PlainRecorder(), textured(60, 80)
    dreamer = recorded(Dreamer(PRESET.replace(octaves=1), net=tiny_net), recorder)
    for number in range(6):
        dreamer.with_preset(dreamer.preset.replace(keep=0.9, steps=number))(picture)
    assert len(recorder.shapes) == 1


def test_another_network_or_objective_is_another_key(tiny_net):
    look, other = PRESET, make_tiny_net(seed=8)
    objectives = [layer("block2"), channel("block2", 1), layer("block2") + channel("block3", 1)]
    keys = {
        step_key(look, each, net) for each in objectives for net in (tiny_net, other, tiny_net.with_batch_norm("train"))
    }
    assert len(keys) == 9


class Fails:
    def __init__(self) -> None:
        self.asked = 0

    def record(self, work, picture):
        self.asked += 1
        raise torch.cuda.OutOfMemoryError("no memory for a recording")


class Lies(Fails):
    def record(self, work, picture):
        self.asked += 1
        held, output = picture.clone(), torch.zeros_like(picture)
        return Recorded(held, output, lambda: output.copy_(held.flip(-1)), work)


@pytest.mark.parametrize("kind", [Fails, Lies])
def test_where_recording_fails_the_dream_goes_on_without(tiny_net, kind):
    recorder, picture = kind(), textured(90, 120)
    dreamer = recorded(Dreamer(PRESET, net=tiny_net), recorder)
    assert torch.equal(dreamer(picture), Dreamer(PRESET, net=tiny_net)(picture))
    assert recorder.asked == 1


def test_threads_that_share_a_dreamer_get_their_own_pictures(tiny_net):
    pictures = [textured(60, 80, seed) for seed in range(4)]
    preset = PRESET.replace(octaves=1)
    wanted = [Dreamer(preset, net=tiny_net)(picture) for picture in pictures]
    dreamer, found = recorded(Dreamer(preset, net=tiny_net), PlainRecorder()), {}

    def run(number: int) -> None:
        found[number] = [dreamer(pictures[number]) for _ in range(5)]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(dream, wanted[number]) for number in range(4) for dream in found[number])


@pytest.mark.gpu
def test_a_gpu_records_the_steps_of_small_pictures(device):
    dreamer = Dreamer(PRESET, net=make_tiny_net(device))
    dreamer(textured(90, 120))
    assert len(dreamer._graphs) == 2
    plain = recorded(Dreamer(PRESET, net=make_tiny_net(device)), None)
    torch.testing.assert_close(dreamer(textured(90, 120)), plain(textured(90, 120)), atol=0.02, rtol=0)


class Factories(TorchFunctionMode):
    """Notes tensors made on the device from numbers of the host, which some versions of torch dispatch nothing for."""

    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._found = found

    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func in (torch.tensor, torch.as_tensor) and made.device.type == "meta":
            self._found.append(func.__name__)
        return made


class Waits(TorchDispatchMode):
    """Notes what a GPU and its host would have to wait for: numbers that cross over."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __enter__(self):
        self._factories = Factories(self.found)
        self._factories.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._factories.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        given, found = ({v.device.type for v in vs if isinstance(v, torch.Tensor)} for vs in (args, _listed(made)))
        crosses = ("meta" in given) != ("meta" in found) and bool(given) and bool(found)
        crosses |= "copy_" in str(func) and len(given) > 1
        if crosses or "lift_fresh" in str(func) or ("meta" in given and "_local_scalar" in str(func)):
            self.found.append(str(func))
        return made


def _listed(made):
    return made if isinstance(made, (tuple, list)) else [made]


@pytest.mark.parametrize("change", [{}, {"normalise": "laplacian"}, {"tv": 0.2, "subject": {"low": 1.0}}])
def test_a_carried_frame_waits_for_nothing(change):
    """The meta device has no numbers, and so none to wait for: a dream on it shows every crossing."""
    preset = PRESET.replace(colour=0.5, keep_colour=0.5, blend=0.1, **change)
    dreamer, drift_control = Dreamer(preset, net=make_tiny_net("meta"), tile=1024), DriftControl()
    frame, dream, warm_up = (torch.rand(1, channels, 90, 120, device="meta") for channels in (3, 3, 1))
    small = torch.rand(1, 2, 45, 60, device="meta"), torch.rand(1, 1, 45, 60, device="meta")

    def run() -> None:
        moved = resize_motion(*small, 90, 120)
        start, step_scale, _ = carry(preset, frame, dream - frame, warm_up, *moved)
        with torch.enable_grad():
            found = dreamer(start, steps=2, step_size=0.01, turn=0, pace=step_scale, source=frame)
        shown = finish(found, frame, keep_colour=0.5, blend=0.1)
        warp_error(shown, frame, *moved, every_px=2)
        drift_control.correct(shown, 0.04)

    run()
    with Waits() as waits:
        run()
    assert waits.found == []


CROSSINGS = {
    "copied to the device": lambda: torch.rand(3).to("meta"),
    "made on the device": lambda: torch.tensor([1.0, 2.0], device="meta"),
    "made of an array": lambda: torch.as_tensor([1.0, 2.0], device="meta"),
    "a picture and its factors": lambda: torch.rand(3, device="meta").copy_(torch.rand(3)),
}


@pytest.mark.parametrize("kind", CROSSINGS)
def test_waits_are_seen(kind):
    with Waits() as waits:
        CROSSINGS[kind]()
    assert waits.found != []

from __future__ import annotations

import pytest
import torch
from conftest import make_tiny_net, textured

from vidream.engine.dreamer import Dreamer
from vidream.errors import DeviceError, NetError, PresetError, SourceError
from vidream.looks.preset import Preset
from vidream.media import write_picture
from vidream.networks import Net, load_net
from vidream.objectives import channel, layer, objective_of, subject
from vidream.runtime.device import pick_device, pick_precision
from vidream.temporal.stream import Stream

PRESET = Preset(octaves=2, first_steps=6, first_step_size=0.01, jitter=8)


@pytest.mark.parametrize("normalise", ["mean-abs", "std", "laplacian"])
def test_dream_raises_its_objective(tiny_net, normalise):
    dreamer = Dreamer(PRESET.replace(normalise=normalise), net=tiny_net)
    picture = textured(80, 96).to(tiny_net.device)
    assert float(dreamer.score(dreamer(picture))) > 1.2 * float(dreamer.score(picture))


@pytest.mark.parametrize("name", ["beasts", "eyes", "human_eye"])
def test_the_embedded_net_dreams_the_subject_it_is_asked_for(name, device):
    net = load_net("dreamnet", device=device)
    dreamer = Dreamer(PRESET.replace(subject={name: 1.0}, octaves=3, first_steps=10), net=net)
    picture = textured(96, 128).to(device)
    dream = dreamer(picture)
    wanted = list(net.class_weights({name: 1.0}))
    share = [float(net.features(p, ["head"])["head"].softmax(1)[:, wanted].sum(1).mean()) for p in (picture, dream)]
    assert share[1] > 0.5 > 2 * share[0]


def test_a_dream_stays_a_picture_of_the_same_size(tiny_net):
    for height, width in ((61, 83), (64, 200), (16, 16)):
        dream = Dreamer(PRESET, net=tiny_net)(textured(height, width))
        assert dream.shape == (1, 3, height, width)
        assert float(dream.min()) >= 0 and float(dream.max()) <= 1


def test_the_same_seed_gives_the_same_dream_and_another_seed_another(tiny_net):
    picture = textured(64, 64)
    first, second = (Dreamer(PRESET, net=tiny_net, seed=5)(picture) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, Dreamer(PRESET, net=tiny_net, seed=6)(picture))
    # Any whole number is a seed.
    for seed in (-3, 10**30):
        assert Dreamer(PRESET, net=tiny_net, seed=seed).generator(7).initial_seed() >= 0


def test_tiles_dream_the_same_kind_of_picture_without_seams(tiny_net):
    picture = textured(160, 192).to(tiny_net.device)
    whole, tiled = (Dreamer(PRESET, net=tiny_net, tile=tile)(picture) - picture for tile in (1280, 64))
    assert float(tiled.abs().mean()) == pytest.approx(float(whole.abs().mean()), rel=0.1)
    # Inside: at the border the roll has joined two sides, with tiles or without.
    steps = (tiled[..., 1:] - tiled[..., :-1]).abs().mean(dim=(0, 1, 2))[8:-8]
    assert float(steps.max()) < 2 * float(steps.median())


def test_a_dream_at_half_size_comes_back_at_full_size_with_the_source_sharp(tiny_net):
    picture = textured(96, 128).to(tiny_net.device)
    dream = Dreamer(PRESET.replace(finest=0.5), net=tiny_net)(picture)
    change = dream - picture
    assert dream.shape == picture.shape and float(change.abs().mean()) > 0.01
    # The change is smooth, since it was made at half size; the source below it is not.
    assert float((change[..., 1:] - change[..., :-1]).abs().mean()) < 0.5 * float(change.abs().mean())


def test_octaves_finer_than_270_px_get_less_work(tiny_net, monkeypatch):
    sizes = []
    monkeypatch.setattr(Dreamer, "_step", lambda self, score, dream, *_: sizes.append(dream.shape[-2]) or dream)
    Dreamer(PRESET.replace(octaves=3, octave_scale=2.0, first_steps=8), net=tiny_net)(textured(540, 64))
    assert sizes == [540] * 8
    sizes.clear()
    Dreamer(PRESET.replace(octaves=3, octave_scale=2.0, first_steps=8), net=tiny_net)(textured(1080, 1080))
    assert sizes == [270] * 8 + [540] * 4 + [1080] * 2


def test_pace_zero_leaves_a_place_as_it_was(tiny_net):
    picture = textured(64, 64).to(tiny_net.device)
    pace = torch.ones(1, 1, 64, 64, device=tiny_net.device)
    pace[..., :32] = 0
    change = (Dreamer(PRESET.replace(octaves=1), net=tiny_net)(picture, pace=pace) - picture).abs()
    assert float(change[..., :32].max()) == 0 < float(change[..., 32:].mean())


def test_objectives_come_from_the_preset_or_the_caller(tiny_net):
    features = tiny_net.features(textured(32, 32), ["block2", "block3"])
    asked = objective_of(Preset(layers={"block2": 0.5, "block3": 2.0}), tiny_net)
    assert float(asked(features)) == pytest.approx(float((0.5 * layer("block2") + 2 * layer("block3"))(features)))
    one = objective_of(Preset(layers={"block3": 1.0}, channels=(2, 4)), tiny_net)
    assert float(one(features)) == pytest.approx(
        float((channel("block3", 2) + channel("block3", 4))(features)), rel=1e-4
    )
    both = objective_of(Preset(layers={"block2": 1.0}, subject={"low": 0.25}), tiny_net)
    low = subject("block3", {0: 0.5, 1: 0.5})
    assert float(both(features)) == pytest.approx(float((layer("block2") + 0.25 * low)(features)), rel=1e-4)
    own = Dreamer(PRESET, net=tiny_net, objective=channel("block3", 1))
    assert own.objective.layers == ("block3",)


def test_what_a_net_does_not_have_is_a_clear_error(tiny_net):
    with pytest.raises(NetError, match="channels 0 to 6, not 9"):
        Dreamer(PRESET.replace(layers={"block3": 1.0}, channels=(9,)), net=tiny_net)
    with pytest.raises(NetError, match='no layer "block9"'):
        Dreamer(PRESET.replace(layers={"block9": 1.0}), net=tiny_net)
    tiny_net.default_layers = {}
    with pytest.raises(NetError, match="name one in layers"):
        Dreamer(PRESET, net=tiny_net)


def test_devices_and_precisions_that_are_not_there_say_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    cpu = pick_device("auto")
    assert cpu.type == "cpu"
    for call, words in [
        (lambda: pick_device("cuda"), "no CUDA GPU here; see why: vidream doctor, or use device='cpu'"),
        (lambda: pick_device("mps"), "no Apple GPU here"),
        (lambda: pick_device("gpu"), 'no device "gpu"; allowed: auto, cpu, cuda, mps'),
        (lambda: pick_precision("fp8", cpu), 'no precision "fp8"; allowed: auto, fp32, bf16, fp16'),
        (lambda: pick_precision("fp16", cpu), "use bf16, fp32 or auto"),
    ]:
        with pytest.raises(DeviceError, match=words):
            call()


def test_bf16_dreams_what_fp32_dreams():
    picture, preset = textured(64, 96), PRESET.replace(subject={"beasts": 1.0})
    exact, quick = (load_net("dreamnet", dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    judge = Dreamer(preset, net=exact)
    before, wanted = float(judge.score(picture)), float(judge.score(judge(picture)))
    reached = float(judge.score(Dreamer(preset, net=quick)(picture)))
    assert reached - before == pytest.approx(wanted - before, rel=0.05)


def test_a_guide_draws_the_dream_towards_its_features(tiny_net, tmp_path):
    picture = textured(64, 96).to(tiny_net.device)
    guides = [textured(100, 80, seed=4), textured(50, 90, seed=5)]
    for index, each in enumerate(guides):
        write_picture(tmp_path / f"{index}.png", each)
    files = tuple(str(tmp_path / f"{index}.png") for index in range(2))
    dreamer = Dreamer(PRESET.replace(guide=files), net=tiny_net)
    dream = dreamer(picture)
    assert float(dreamer.score(dream)) > 1.2 * float(dreamer.score(picture))
    other = dreamer(picture, guides=[textured(64, 64, seed=8)])
    assert float((other - dream).abs().mean()) > 0.002


def test_style_takes_on_the_guides_statistics_and_content_holds_the_picture(tiny_net, tmp_path):
    write_picture(tmp_path / "style.png", textured(64, 64, seed=4).flip(1))
    picture = textured(64, 96).to(tiny_net.device)
    preset = PRESET.replace(guide=(str(tmp_path / "style.png"),), style=1.0, octaves=1, first_steps=20)
    styled = Dreamer(preset, net=tiny_net)
    held = Dreamer(preset.replace(content=20.0), net=tiny_net)
    assert float(styled.score(styled(picture))) > 0.7 * float(styled.score(picture))
    wanted = tiny_net.features(picture, ["block2"])["block2"]
    far, near = ((tiny_net.features(d(picture), ["block2"])["block2"] - wanted).square().mean() for d in (styled, held))
    assert float(near) < 0.8 * float(far)


def test_content_is_cut_into_the_same_tiles_as_the_picture(tiny_net):
    preset = PRESET.replace(content=1.0, layers={"block2": 0.01}, octaves=1, first_steps=3)
    picture = textured(160, 192).to(tiny_net.device)
    whole, tiled = (Dreamer(preset, net=tiny_net, tile=tile)(picture) - picture for tile in (1280, 64))
    assert float(tiled.abs().mean()) == pytest.approx(float(whole.abs().mean()), rel=0.25)


def test_total_variation_smooths(tiny_net):
    noisy = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(tiny_net.device)
    smooth = Dreamer(PRESET.replace(layers={"block2": 0.0}, tv=1.0, octaves=1), net=tiny_net)(noisy)
    assert float((smooth[..., 1:] - smooth[..., :-1]).abs().mean()) < 0.9 * float(
        (noisy[..., 1:] - noisy[..., :-1]).abs().mean()
    )


def test_one_class_is_dreamed_by_number_or_name(tiny_net):
    picture = textured(64, 64).to(tiny_net.device)
    by_number, by_name = (Dreamer(PRESET.replace(class_id=name), net=tiny_net) for name in ("3", "CLASS3"))
    dream = by_number(picture)
    assert torch.equal(dream, by_name(picture))
    logits = [tiny_net.features(p, ["block3"])["block3"].mean(dim=(0, 2, 3))[3] for p in (picture, dream)]
    assert float(logits[1]) > float(logits[0])
    with pytest.raises(NetError, match='no class "clas3" in tiny; 0 to 6, or a name; close: "class3"'):
        Dreamer(PRESET.replace(class_id="clas3"), net=tiny_net)


def test_batch_norm_in_train_mode_uses_the_pictures_own_statistics(tiny_net):
    module = make_tiny_net()._module
    own = Net(module, name="tiny", default_layers={"block2": 1.0}, batch_norm="train")
    found = own.features(textured(64, 64) * 0.2, ["block1.1"])["block1.1"]
    norm = dict(module.named_modules())["block1.1"]
    expected = torch.nn.functional.batch_norm(
        module[0][0]((textured(64, 64) * 0.2 - own._mean) * own._scale), None, None, norm.weight, norm.bias, True
    )
    assert torch.allclose(found, expected, atol=1e-4)
    again = own.features(textured(64, 64) * 0.2, ["block1.1"])["block1.1"]
    assert torch.equal(found, again)


def test_wishes_that_cannot_be_are_clear_errors(tiny_net):
    with pytest.raises(PresetError, match="name one in guide"):
        Dreamer(PRESET.replace(style=1.0), net=tiny_net)
    with pytest.raises(SourceError, match=r"absent\.png"):
        Dreamer(PRESET.replace(guide=("absent.png",)), net=tiny_net)(textured(32, 32))


def short_of_memory(net, monkeypatch, most_px, error):
    """Let `net` fail as a full memory does, at pictures of more than `most_px`."""
    features, seen = net.features, []

    def failing(picture, layers):
        seen.append(tuple(picture.shape[-2:]))
        if picture.shape[-1] * picture.shape[-2] > most_px:
            raise error
        return features(picture, layers)

    monkeypatch.setattr(net, "features", failing)
    return seen


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "python"],
)
def test_where_memory_runs_out_the_tile_is_halved_and_the_picture_done_again(tiny_net, monkeypatch, error):
    preset = Preset(layers={"block2": 1.0}, octaves=2, first_steps=2)
    smaller = Dreamer(preset, net=tiny_net, tile=192)
    wanted = smaller(textured(260, 380), generator=smaller.generator(5))
    dreamer = Dreamer(preset, net=tiny_net, tile=384)
    seen = short_of_memory(tiny_net, monkeypatch, 260 * 370, error)
    found = dreamer(textured(260, 380), generator=dreamer.generator(5))
    assert seen and torch.equal(found, wanted)
    assert dreamer.tile == 192 and dreamer.warnings == ["memory ran out; continued with tiles of 192 px"]
    assert dreamer.with_preset(preset.replace(steps=2)).tile == 192


def test_memory_that_runs_out_again_is_an_error(tiny_net, monkeypatch):
    dreamer = Dreamer(Preset(layers={"block2": 1.0}), net=tiny_net, tile=256)
    short_of_memory(tiny_net, monkeypatch, 10, MemoryError())
    with pytest.raises(MemoryError):
        dreamer(textured(96, 128))


def test_another_error_is_not_taken_for_a_full_memory(tiny_net, monkeypatch):
    dreamer = Dreamer(Preset(layers={"block2": 1.0}), net=tiny_net, tile=256)
    short_of_memory(tiny_net, monkeypatch, 10, RuntimeError("sizes do not match"))
    with pytest.raises(RuntimeError, match="sizes"):
        dreamer(textured(96, 128))
    assert dreamer.tile == 256


def test_tiles_are_chosen_from_what_is_free(tiny_net, monkeypatch):
    sides = []
    for free in (None, 16 * 2**30, 2**30, 2**28, 0):
        monkeypatch.setattr("vidream.engine.tiling.free_memory_bytes", lambda _, free=free: free)
        sides.append(Dreamer(Preset(layers={"block2": 1.0}), net=tiny_net).tile)
    assert sides[0] == sides[1] == 1280 and sides[-1] == 448


def test_octaves_take_turns_and_do_as_much_in_the_end(tiny_net):
    dreamer = Dreamer(PRESET.replace(octaves=3, octave_turns=2), net=tiny_net)
    seen = {}

    def sizes(turn):
        seen[turn] = []
        dreamer(textured(160, 200), steps=1, step_size=0.004, turn=turn, watch=lambda p: seen[turn].append(p.shape[-1]))
        return seen[turn]

    assert sizes(None) == [102, 143, 200]
    assert sizes(0) == sizes(2) == [102, 200]
    assert sizes(1) == [143]
    still = Preset(octaves=3, octave_turns=1, first_steps=0, step_size=0.004, keep=1)
    strengths = []
    for turns in (1, 2):
        stream = Stream(Dreamer(still.replace(octave_turns=turns), net=tiny_net))
        for _ in range(9):
            stream.next(textured(160, 200))
        strengths.append(stream.latest.strength)
    assert strengths[1] == pytest.approx(strengths[0], rel=0.15)

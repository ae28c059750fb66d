"""Several networks in one dream: shares, names, and what knows them."""

from __future__ import annotations

import pytest
import torch
from conftest import make_tiny_net, textured
from torch.testing import assert_close

from vidream import Dreamer, Preset
from vidream.cli import main
from vidream.engine.cuda_graphs import Recorded, StepGraphs
from vidream.engine.gradient import normalise
from vidream.errors import NetError, PresetError
from vidream.live import LiveDream
from vidream.looks.loading import cross_faded
from vidream.looks.mixture import with_networks
from vidream.media import read_picture, write_picture
from vidream.networks import Net, NetworkPool
from vidream.objectives import channel
from vidream.rendering.recipe import Recipe
from vidream.rendering.render_settings import dreamer_settings

BARE = Preset(
    octaves=1, jitter=0, evenness=0.0, smoothing=0.0, colour=0.0, first_steps=1, first_step_size=0.01, falloff=0.0,
    net={"tiny": 1.0, "other": 2.0}, layers={"tiny/block2": 1.0, "other/block3": 1.0},
)  # fmt: skip
BOTH = {"dreamnet": 1.0, "efficientnet_lite0": 1.0}
QUICK = ["-q", "--set", "first_steps=1", "--set", "octaves=1", "--size", "64"]


def other_net(name: str = "other") -> Net:
    net = make_tiny_net(seed=8)
    net.name = name
    net.groups = {"far": ["class3"], "low": ["class2"]}
    return net


def both(preset: Preset = BARE, **options) -> Dreamer:
    return Dreamer(preset, networks=[make_tiny_net(), other_net()], **options)


def alone(preset: Preset, name: str) -> Dreamer:
    return both(with_networks(preset, name))


def test_each_networks_gradient_is_brought_to_unit_size_and_added_by_its_share():
    picture = 0.5 + 0.2 * (textured(48, 64) - 0.5)
    first, second = (alone(BARE, name)(picture) - picture for name in ("tiny", "other"))
    expected = 0.01 * normalise(first + 2 * second, "mean-abs")
    assert_close(both()(picture) - picture, expected, atol=2e-6, rtol=1e-3)


def test_a_share_of_nothing_is_not_computed_and_the_dream_is_that_of_the_other(monkeypatch):
    picture = textured(48, 64)
    dreamer = both(BARE.replace(net={"tiny": 1.0, "other": 0.0}))
    monkeypatch.setattr(dreamer.ascents[1].net, "features", None)
    assert torch.equal(dreamer(picture), alone(BARE, "tiny")(picture))


def test_shares_pass_from_one_network_to_another_over_the_film():
    picture = textured(48, 64)
    dreamer = both(BARE.replace(net={"tiny": "0:1, 10s:0", "other": "0:0, 10s:1"}))
    for seconds, name in ((0, "tiny"), (10, "other")):
        assert torch.equal(dreamer.at(seconds)(picture), alone(BARE, name)(picture))
    middle = dreamer.at(5).preset
    assert middle.networks == {"tiny": 0.5, "other": 0.5}


def test_a_dream_of_two_networks_in_tiles_is_that_of_the_whole_picture(monkeypatch):
    monkeypatch.setattr("vidream.engine.stepping.random_roll", lambda *_: (0, 0))
    picture = textured(96, 160)
    whole, tiled = (both(BARE, tile=tile)(picture) for tile in (1280, 64))
    assert torch.cosine_similarity((whole - picture).flatten(), (tiled - picture).flatten(), dim=0) > 0.9


def test_a_name_without_a_network_goes_to_all_that_have_it():
    ascents = both(BARE.replace(layers={"block2": 0.5}, subject={"low": 1.0, "FAR": 1.0})).ascents
    assert [each.objective.layers for each in ascents] == [("block3", "block2")] * 2
    subjects = [part["of"] for each in ascents for part in each.objective.describe()["sum"] if "weight" in part][::2]
    assert [set(part["classes"]) for part in subjects] == [{"0", "1"}, {"2", "3"}]


def test_a_network_of_which_nothing_is_named_dreams_its_own_layers():
    ascents = both(BARE.replace(layers={}, subject={"far": 1.0})).ascents
    assert ascents[0].objective.layers == ("block2",) and ascents[1].objective.layers == ("block3",)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"layers": {"block9": 1.0}}, NetError, 'no layer "block9" in tiny or other; close: "block'),
        ({"layers": {"tiny/block9": 1.0}}, NetError, 'no layer "block9" in tiny'),
        ({"layers": {"third/block2": 1.0}}, NetError, 'no layer "third/block2" in tiny or other'),
        ({"subject": {"lows": 1.0}}, NetError, 'no subject "lows" in tiny or other; close: "low"'),
        ({"class_id": "klass1"}, NetError, 'no class "klass1" in tiny or other; close: "class'),
        ({"layers": {}, "channels": (1,)}, PresetError, "name the layer too"),
    ],
)
def test_what_no_network_has_is_one_line(change, error, words):
    with pytest.raises(error, match=words):
        both(BARE.replace(**change))


@pytest.mark.parametrize("net", [{"a": -1}, {"a": 0, "b": 0}, "a:x,b:1", {"a": "0:0, 2s:0", "b": 0}, {}])
def test_shares_that_cannot_be_are_one_line(net):
    with pytest.raises(PresetError, match="net cannot be"):
        Preset(net=net)


def test_shares_are_written_as_people_write_them():
    assert Preset(net="a:1,b:0.5") == Preset(net={"a": 1, "b": 0.5})
    assert Preset(net="a, b").networks == {"a": 1.0, "b": 1.0}
    assert Preset(net="a:3").net == "a"
    look = Preset().with_settings(["net.efficientnet_lite0=0:0, 5s:1"])
    assert list(look.networks) == ["dreamnet", "efficientnet_lite0"] and look.at(5).networks["efficientnet_lite0"] == 1
    assert Preset.from_toml(look.to_toml()) == look
    assert Recipe.from_json(Recipe(look).to_json()).preset == look


def test_another_choice_of_networks_keeps_what_is_named_of_those_that_stay():
    one = Preset(layers={"s3b": 1.0}, subject={"eyes": 0.1}, class_id="cat", channels=(3,))
    two = with_networks(one, BOTH)
    assert two.layers == {"dreamnet/s3b": 1.0} and two.class_id == "dreamnet/cat" and two.channels == (3,)
    assert with_networks(two, "dreamnet") == one
    assert with_networks(two, "efficientnet_lite0") == Preset(net="efficientnet_lite0")
    assert with_networks(two, {"dreamnet": 1, "efficientnet_lite0": 3}).layers == two.layers


def test_looks_of_different_networks_fade_into_each_other():
    picture = textured(48, 64)
    first = BARE.replace(net="tiny", layers={"block2": 1.0})
    last = BARE.replace(net="other", layers={})
    look = both(cross_faded([(0.0, first), (4.0, last)]))
    assert torch.equal(look.at(0)(picture), both(first)(picture))
    assert torch.equal(look.at(4)(picture), both(last)(picture))
    assert not torch.equal(look.at(2)(picture), look.at(4)(picture))
    with pytest.raises(PresetError, match="cannot fade"):
        cross_faded([(0.0, first), (4.0, first.replace(layers={}))])


def test_shares_are_in_the_key_of_a_recorded_step():
    kinds = []

    class Recorder:
        def record(self, work, picture):
            kinds.append(work)
            held = picture.clone()
            output = work(held)
            return Recorded(held, output, lambda: output.copy_(work(held)), work)

    dreamer, picture = both(BARE), textured(48, 64)
    dreamer._graphs = StepGraphs(Recorder())
    other = dreamer.with_preset(BARE.replace(net={"tiny": 1.0, "other": 0.5}))
    for look in (dreamer, other):
        for _ in range(4):
            assert torch.equal(look(picture), both(look.preset)(picture))
    assert len(kinds) == 2


def test_an_objective_of_ones_own_is_climbed_in_the_network_that_has_its_layers():
    net = other_net()
    net._nodes = (*net._nodes, "extra")
    dreamer = Dreamer(BARE, networks=[make_tiny_net(), net], objective=channel("block3", 1))
    assert [each.net.name for each in dreamer.ascents] == ["tiny"]
    with pytest.raises(NetError, match='no layer "nowhere" in tiny'):
        both(BARE, objective=channel("nowhere", 1))


def test_one_network_of_ones_own_takes_the_place_of_all():
    dreamer = Dreamer(BARE, net=make_tiny_net())
    assert torch.equal(dreamer(textured(32, 32)), alone(BARE, "tiny")(textured(32, 32)))


def test_a_film_knows_the_weights_of_every_network():
    settings = dreamer_settings(both())
    assert settings["weights of tiny"] != settings["weights of other"]
    assert settings["net"] == {"tiny": 1.0, "other": 2.0}


def test_a_pool_loads_a_network_once_and_for_what_is_asked():
    pool = NetworkPool([make_tiny_net()])
    assert pool.net("dreamnet") is pool.net("dreamnet")
    assert pool.net("tiny", batch_norm="train").batch_norm == "train"
    assert Dreamer(Preset(), networks=pool).net is Dreamer(Preset(steps=2), networks=pool).net is pool.net("dreamnet")


def test_a_live_dream_takes_another_share_and_another_network():
    first = BARE.replace(flow="none")
    with LiveDream(both(first), size=64) as live:
        live.show(textured(48, 64))
        live.change(first.replace(net={"tiny": 1.0, "other": 0.1}))
        assert live.preset.networks["other"] == 0.1
        live.change(Preset(steps=1, octaves=1))
        live.show(textured(48, 64))
        assert [net.name for net in live.nets] == ["dreamnet"]


def test_the_command_line_mixes_networks_and_takes_a_film_s_again(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture("in.png", textured(48, 64))
    for name, net in (("both", "dreamnet:1,efficientnet_lite0:1"), ("one", "dreamnet"), ("two", "efficientnet_lite0")):
        assert main(["dream", "in.png", f"{name}.png", "-p", "fast", "--net", net, *QUICK]) == 0
    found = {name: read_picture(f"{name}.png") for name in ("both", "one", "two")}
    assert not torch.equal(found["both"], found["one"]) and not torch.equal(found["both"], found["two"])
    assert Recipe.read("both.png").preset.networks == BOTH
    assert main(["dream", "in.png", "again.png", "--like", "both.png", "-q"]) == 0
    assert torch.equal(read_picture("again.png"), found["both"])
    assert (
        main(
            [
                "zoom",
                "in.png",
                "zoom.mp4",
                "--seconds",
                "0.2",
                "-p",
                "fast",
                "--net",
                "dreamnet:1,efficientnet_lite0:1",
                *QUICK,
            ]
        )
        == 0
    )
    assert main(["dream", "in.png", "no.png", "--net", "dreamnet:1,efficientnet_lit:1"]) == 1
    assert 'no network "efficientnet_lit"; close: "efficientnet_lite' in capsys.readouterr().err

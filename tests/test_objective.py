from __future__ import annotations

import json

import pytest
import torch

from vidream.errors import PresetError
from vidream.looks.preset import Preset
from vidream.objectives import (
    OBJECTIVES,
    Objective,
    channel,
    content,
    guide,
    layer,
    objective,
    objective_of,
    style,
    subject,
    total_variation,
)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return {"a": torch.randn(1, 4, 5, 6, generator=generator), "b": torch.randn(1, 7, 3, 3, generator=generator)}


def test_objectives_give_their_formulas(features):
    assert float(layer("a")(features)) == pytest.approx(float((features["a"] ** 2).mean()))
    assert float(channel("b", 2)(features)) == pytest.approx(float(features["b"][:, 2].mean()))
    energy = torch.tensor([1.0, 2.0, 0.5, 4.0])
    balanced = (features["a"] ** 2 / energy.view(1, 4, 1, 1)).mean()
    assert float(layer("a", energy)(features)) == pytest.approx(float(balanced))


def test_a_subject_of_one_class_is_its_logit_against_all(features):
    logits = features["b"]
    expected = (logits[:, 1] - 0.7 * logits.exp().sum(1).log()).mean()
    assert float(subject("b", {1: 0.3})(features)) == pytest.approx(float(expected), rel=1e-5)


def test_a_subject_of_a_network_that_pools_its_logits_is_told_by_their_mean(features):
    logits = features["b"]
    expected = logits[:, 1].mean() - 0.7 * logits.mean((2, 3)).exp().sum(1).log().mean()
    assert float(subject("b", {1: 0.3}, pools_logits=True)(features)) == pytest.approx(float(expected), rel=1e-5)


def test_each_place_takes_the_class_that_fits_it_better_than_other_places():
    # Class 1 is louder everywhere; class 0 stands out on the left, class 1 on the right.
    logits = torch.zeros(1, 3, 6, 12)
    logits[:, 0, :, :6], logits[:, 1] = 1.0, 5.0
    logits[:, 1, :, 6:] = 6.0
    logits.requires_grad_()
    subject("b", {0: 1.0, 1: 1.0}, contrast=0.0)({"b": logits}).backward()
    pull = logits.grad * logits[0, 0].numel()
    assert pull[0, 0, :, :4].min() > 0.9 and pull[0, 1, :, 8:].min() > 0.9
    assert torch.allclose(pull.sum(1), torch.ones(1, 6, 12), atol=1e-5)
    # A weight is a class's share where all fit alike.
    even = torch.zeros(1, 3, 4, 4, requires_grad=True)
    subject("b", {0: 3.0, 1: 1.0}, contrast=0.0)({"b": even}).backward()
    assert (even.grad * 16)[0, :, 0, 0].tolist() == pytest.approx([0.75, 0.25, 0.0])


def test_objectives_add_subtract_and_scale(features):
    made = 2 * layer("a") - channel("b", 1) * 0.5 + layer("b")
    by_hand = 2 * layer("a")(features) - 0.5 * channel("b", 1)(features) + layer("b")(features)
    assert float(made(features)) == pytest.approx(float(by_hand), rel=1e-5)
    assert made.layers == ("a", "b")


def test_wrong_channels_and_empty_subjects_are_the_callers_bug(features):
    with pytest.raises(ValueError, match="channels 0 to 3"):
        channel("a", 4)(features)
    with pytest.raises(ValueError, match="at least one class"):
        subject("b", {1: 0.0})
    with pytest.raises(TypeError):
        layer("a") + 1


def random(*shape, seed=3):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layer("a"),
        lambda: channel("a", 1),
        lambda: subject("a", {2: 0.3}),
        lambda: guide("a"),
        lambda: style("a"),
        lambda: content("a"),
        lambda: layer("a") - 0.3 * style("a") + content("a"),
    ],
)
def test_gradient_of_every_objective_agrees_with_finite_differences(make):
    objective, others = make(), {"guide/a": random(2, 4, 2, 3, seed=5), "source/a": random(1, 4, 3, 3, seed=6)}
    assert torch.autograd.gradcheck(lambda x: objective({"a": x, **others}), random(1, 4, 3, 3).requires_grad_())


def test_gradient_of_total_variation_agrees_with_finite_differences():
    objective = total_variation()
    assert torch.autograd.gradcheck(lambda x: objective({"picture": x}), random(1, 3, 4, 5).requires_grad_())
    assert float(objective({"picture": torch.full((1, 3, 8, 8), 0.3)})) == 0


def test_guide_matches_each_position_with_the_most_alike_of_all_guides(monkeypatch):
    own, guides = random(1, 5, 4, 6), random(2, 5, 3, 4, seed=9)
    by_hand = 0.0
    for row in range(4):
        for column in range(6):
            x = own[0, :, row, column]
            products = [x @ guides[g, :, i, j] for g in range(2) for i in range(3) for j in range(4)]
            by_hand += float(max(products)) / 5
    features = {"a": own, "guide/a": guides}
    assert float(guide("a")(features)) == pytest.approx(by_hand / 24)
    # In slices, as on big frames, it is the same.
    monkeypatch.setattr("vidream.objectives.guides.MATCHES_AT_ONCE", 60)
    assert float(guide("a")(features)) == pytest.approx(by_hand / 24)


def test_style_is_zero_for_the_guides_own_features_in_any_order():
    guides = random(1, 5, 4, 6)
    shuffled = guides.flatten(2)[..., torch.randperm(24, generator=torch.Generator().manual_seed(1))].view(1, 5, 6, 4)
    assert float(style("a")({"a": shuffled, "guide/a": guides})) == pytest.approx(0, abs=1e-12)
    assert float(style("a")({"a": random(1, 5, 6, 4, seed=8), "guide/a": guides})) < -0.1


def test_an_objective_describes_itself_in_plain_values():
    made = 0.7 * layer("a") - channel("b", 3) + subject("c", {1: 0.5})
    assert json.loads(json.dumps(made.describe())) == {
        "sum": [
            {"weight": 0.7, "of": {"objective": "layer", "name": "a", "energy": None}},
            {"weight": -1.0, "of": {"objective": "channel", "name": "b", "index": 3}},
            {"objective": "subject", "name": "c", "classes": {"1": 0.5}, "contrast": 0.7, "pools_logits": False},
        ]
    }
    assert {"layer", "channel", "subject", "guide", "style", "content", "total_variation"} <= set(OBJECTIVES)


def test_different_objectives_have_different_descriptions_and_keys():
    def scaled(by):
        return Objective(("a",), lambda features: by * features["a"].mean())

    energy = torch.ones(4)
    made = [
        layer("a"), layer("a", energy), layer("a", 2 * energy), channel("a", 1), channel("a", 2), 0.5 * channel("a", 2),
        channel("a", 1) + channel("a", 2), subject("a", {1: 1.0}), subject("a", {1: 1.0}, contrast=0.5),
        scaled(1.0), scaled(2.0), Objective(("a",), lambda features: features["a"].std()), scaled(1.0) + layer("a"),
    ]  # fmt: skip
    assert len({json.dumps(each.describe()) for each in made}) == len({each.key for each in made}) == len(made)
    assert (2 * channel("a", 1) + layer("b")).key == (2 * channel("a", 1) + layer("b")).key
    # Functions of the caller's own are never taken for each other: they may read what nobody can see.
    assert scaled(1.0).describe() == scaled(1.0).describe() and scaled(1.0).key != scaled(1.0).key


def test_an_objective_is_registered_by_a_decorator():
    try:

        @objective
        def spread(name: str, power: float = 2.0) -> Objective:
            return Objective((name,), lambda features: features[name].std() ** power)

        assert OBJECTIVES["spread"] is spread
        assert spread("a").describe() == {"objective": "spread", "name": "a", "power": 2.0}
        with pytest.raises(ValueError, match='two objectives are called "spread"'):
            objective(spread)
    finally:
        del OBJECTIVES["spread"]


def asked(net, **fields):
    return objective_of(Preset(**fields), net).describe()


def test_a_guides_share_mixes_style_and_channels_too(tiny_net):
    fields = {"guide": ("a.png",), "layers": {"block2": 1.0}}
    styled = asked(tiny_net, **fields, style=2.0, guide_share=0.25)
    assert styled == (1.0 * (0.25 * (2.0 * style("block2")) + 0.75 * layer("block2"))).describe()
    some = asked(tiny_net, **fields, channels=(3, 5), guide_share=0.25)
    mixed = 0.25 * guide("block2") + 0.75 * channel("block2", 3) + 0.75 * channel("block2", 5)
    assert some == (1.0 * mixed).describe()
    assert asked(tiny_net, **fields) == (1.0 * guide("block2")).describe()
    assert asked(tiny_net, **fields, style=2.0) == (1.0 * (2.0 * style("block2"))).describe()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"style": 1.0}, "style needs a picture"),
        ({"guide_share": 0.5}, "guide_share mixes a guide"),
        ({"guide": ("a.png",), "channels": (1,)}, "channels and guide do not go together"),
        ({"guide": ("a.png",), "style": 1.0, "channels": (1,)}, "channels and guide do not go together"),
        ({"subject": {"low": 1.0}, "channels": (1,)}, "channels are those of layers"),
        ({"class_id": "3", "channels": (1,)}, "channels are those of layers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_fields_that_would_have_no_effect_are_refused_in_one_line(tiny_net, fields, words):
    with pytest.raises(PresetError, match=words) as caught:
        asked(tiny_net, **fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["subject", "class_id", "layers", "guide", "content", "tv", "style", "channels"])
def test_every_field_changes_what_is_asked(tiny_net, field):
    """Beside every other field that it goes with, so that none is dropped in silence."""
    every = {
        "subject": {"low": 1.0}, "class_id": "3", "layers": {"block3": 1.0}, "guide": ("a.png",), "guide_share": 0.5,
        "content": 0.5, "tv": 0.5, "style": 2.0, "channels": (1, 2),
    }  # fmt: skip
    without = {name: value for name, value in every.items() if name != field}
    if field == "guide":
        without = {name: value for name, value in without.items() if name not in ("style", "guide_share")}
    assert asked(tiny_net, **every) != asked(tiny_net, **without)

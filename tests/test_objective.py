from __future__ import annotations

import pytest
import torch

from vidream.objective import channel, layer, subject


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return {"a": torch.randn(1, 4, 5, 6, generator=generator), "b": torch.randn(1, 7, 3, 3, generator=generator)}


def test_objectives_give_their_formulas(features):
    assert float(layer("a")(features)) == pytest.approx(float((features["a"] ** 2).mean()))
    assert float(channel("b", 2)(features)) == pytest.approx(float(features["b"][:, 2].mean()))
    logits = features["b"]
    wanted = (logits[:, [1, 3]].exp() * torch.tensor([1.0, 0.5]).view(1, 2, 1, 1)).sum(1).log()
    expected = (wanted - 0.7 * logits.exp().sum(1).log()).mean()
    assert float(subject("b", {1: 1.0, 3: 0.5})(features)) == pytest.approx(float(expected), rel=1e-5)


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


@pytest.mark.parametrize("make", [lambda: layer("a"), lambda: channel("a", 1), lambda: subject("a", {0: 1.0, 2: 0.3})])
def test_gradient_of_every_objective_agrees_with_finite_differences(make):
    objective = make()
    value = torch.randn(1, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert torch.autograd.gradcheck(lambda x: objective({"a": x}), value.requires_grad_())

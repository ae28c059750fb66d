"""`Objective`: named features in, one score out; objectives add, subtract, scale and describe themselves.

    0.7 * layer("inception4c") + channel("inception4d", 11)

The algebra follows feature-visualisation practice (Olah et al. 2017, lucid). Beside layers of the network, an objective
may ask for "picture", the picture itself; "source/LAYER", the features of the frame that is dreamed; and "guide/LAYER",
those of the guide pictures.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, partial, wraps
from types import CodeType
from typing import Any, ParamSpec

import numpy as np
import torch
from torch import Tensor

__all__ = ["OBJECTIVES", "Features", "Objective", "objective"]

Features = Mapping[str, Tensor]
P = ParamSpec("P")
# A function may hold itself.
_DEEPEST = 6
OBJECTIVES: dict[str, Callable[..., Objective]] = {}
"""Every objective that has a name: what `describe` calls it -> the function that makes it."""


class Objective:
    """A score of features, and the layers that it reads.

    Supports `a + b`, `a - b`, `-a` and `number * a`.

    Args:
        layers: names of the features that `score` reads.
        score: features {layer: [B,C,h,w]} -> scalar tensor.
        description: plain values that say what this is; by default they are taken from the code of `score`.
    """

    def __init__(
        self,
        layers: tuple[str, ...],
        score: Callable[[Features], Tensor],
        *,
        description: Mapping[str, Any] | None = None,
    ) -> None:
        self.layers = layers
        self._score = score
        self._description = description
        # Functions without a name of ours: two with the same code need not be the same.
        self._unnamed: tuple[object, ...] = () if description is not None else (score,)

    def __call__(self, features: Features) -> Tensor:
        return self._score(features)

    def describe(self) -> dict[str, Any]:
        """What this is, as values that JSON has: a name and its parameters; for sums and products, their parts.

        Two objectives with different descriptions make different films.
        """
        if self._description is not None:
            return dict(self._description)
        return {"objective": "custom", "layers": list(self.layers), "score": _plain(self._score)}

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for two objectives only where both give the same scores: their description and unnamed functions."""
        return (repr(self.describe()), *self._unnamed)

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        layers = self.layers + tuple(name for name in other.layers if name not in self.layers)
        return _combined(
            layers,
            lambda features: self(features) + other(features),
            {"sum": [*_terms(self), *_terms(other)]},
            self._unnamed + other._unnamed,
        )

    def __mul__(self, weight: float) -> Objective:
        if not isinstance(weight, (int, float)):
            return NotImplemented
        description = {"weight": float(weight), "of": self.describe()}
        return _combined(self.layers, lambda features: self(features) * weight, description, self._unnamed)

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective) -> Objective:
        return self + -other


def objective(make: Callable[P, Objective]) -> Callable[P, Objective]:
    """Register a function that makes an objective: its name and arguments become the objective's description."""
    signature, name = inspect.signature(make), make.__name__

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Objective:
        found = make(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        found._description = {"objective": name, **{key: _plain(value) for key, value in given.arguments.items()}}
        found._unnamed = ()
        return found

    if name in OBJECTIVES:
        raise ValueError(f'two objectives are called "{name}"; give one another name')
    OBJECTIVES[name] = made
    return made


def _combined(
    layers: tuple[str, ...],
    score: Callable[[Features], Tensor],
    description: Mapping[str, Any],
    unnamed: tuple[object, ...],
) -> Objective:
    found = Objective(layers, score, description=description)
    found._unnamed = unnamed
    return found


def _terms(part: Objective) -> list[dict[str, Any]]:
    """The parts of a sum, or the objective itself."""
    described = part.describe()
    return described["sum"] if set(described) == {"sum"} else [described]


def _plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON has values; tensors and functions as a digest of what is in them."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth > _DEEPEST:
        return type(value).__qualname__
    if isinstance(value, Mapping):
        return {str(key): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, Tensor):
        numbers = value.detach().cpu().to(torch.float64).contiguous().numpy()
        return f"tensor of {list(value.shape)}, {_digest(numbers.tobytes())}"
    if isinstance(value, np.ndarray):
        return f"array of {list(value.shape)}, {_digest(value.tobytes())}"
    if isinstance(value, Objective):
        return value.describe()
    if isinstance(value, partial):
        return [_plain(each, depth + 1) for each in (value.func, value.args, value.keywords)]
    if isinstance(code := getattr(value, "__code__", None), CodeType):
        held = [each.cell_contents for each in value.__closure__ or ()]
        held += [value.__defaults__, value.__kwdefaults__, getattr(value, "__self__", None)]
        return {"function": value.__qualname__, "code": _digest(_code_bytes(code)), "holds": _plain(held, depth + 1)}
    # Any other object is known by its kind alone.
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _code_bytes(code: CodeType) -> bytes:
    constants = [_code_bytes(each) if isinstance(each, CodeType) else repr(each).encode() for each in code.co_consts]
    return b"\0".join([code.co_code, *(name.encode() for name in code.co_names), *constants])


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()

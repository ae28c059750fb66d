"""A frozen network on the processor, forward and backward without autograd, and whether it can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor, fx
from torch.autograd.function import once_differentiable

from vidream.networks.cpu.conv import Conv
from vidream.networks.cpu.lowering import Lowered, UnsupportedError, lowered
from vidream.networks.cpu.steps import Tape, channels_last

__all__ = ["EngineUse", "FastNetwork", "NotUsed", "fast_network"]

# Two different sums of bf16 products agree to this; a wrong gradient does not.
LEAST_COSINE = 0.98
# Packed weights are kept for the last shapes of picture: at most this many, and this large together.
MOST_SHAPES = 24
PACKED_BYTES = 256 * 2**20


class NotUsed(Enum):
    """Why a network does not run on the fast CPU engine."""

    GPU = "another device than the processor computes"
    BATCH_NORM = "batch norm takes its statistics from the picture"
    NO_ONEDNN = "this torch was built without oneDNN"
    NO_CONVOLUTION = "the layers have no convolution that the engine knows"
    UNSUPPORTED_OPERATION = "the network has an operation that the engine does not know"
    OPERATION_FAILED = "torch's oneDNN operations are missing or refuse this number format here"
    DISAGREED = "its gradient on noise differed from torch's own"


@dataclass(frozen=True)
class EngineUse:
    """Whether a network runs on the fast CPU engine.

    Attributes:
        network: the network's name.
        layers: the layers it is cut after.
        reason: None where the engine is in use, else why not.
        detail: what exactly, for example the operation that is not known.
    """

    network: str
    layers: tuple[str, ...]
    reason: NotUsed | None
    detail: str = ""

    @property
    def is_used(self) -> bool:
        """True where the engine is in use."""
        return self.reason is None

    def describe(self) -> str:
        """One line for people."""
        if self.reason is None:
            return f"in use for {self.network}"
        return f"not in use for {self.network}: {self.reason.value}" + (f" ({self.detail})" if self.detail else "")


class FastNetwork:
    """Called like the feature extractor it was made of: input [B,C,H,W] -> {layer: activation}, float32 each.

    Gradients flow to the input alone, once for each call.
    """

    def __init__(self, plan: Lowered, dtype: torch.dtype) -> None:
        self._plan, self._dtype = plan, dtype
        self._names = tuple(plan.slots)
        convolutions = [step for step in plan.steps if isinstance(step, Conv)]
        # Forward and backward, for each shape: every octave of a frame has a shape of its own.
        shape_bytes = 2 * sum(conv.weight_bytes for conv in convolutions)
        for conv in convolutions:
            conv.pack(min(MOST_SHAPES, max(1, PACKED_BYTES // shape_bytes)))

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        if torch.is_grad_enabled() and x.requires_grad:
            found: Sequence[Tensor] = _Function.apply(x, self)
        else:
            found = self.forward(x, Tape(keeps_values=False))
        return dict(zip(self._names, found, strict=True))

    @torch.no_grad()
    def forward(self, x: Tensor, tape: Tape) -> list[Tensor]:
        """The layers' values; fills `tape` for the backward pass."""
        # First the layout, then the type: the other way round takes twice as long.
        tape.values[0] = channels_last(x.detach()).to(self._dtype)
        outputs = set(self._plan.slots.values())
        for step in self._plan.steps:
            step.forward(tape)
            if not tape.keeps_values:
                for slot in step.reads:
                    if self._plan.last_reads[slot] is step and slot not in outputs:
                        tape.values.pop(slot, None)
        return [tape.values[slot].to(torch.float32, copy=True) for slot in self._plan.slots.values()]

    @torch.no_grad()
    def backward(self, gradients: Sequence[Tensor | None], tape: Tape) -> Tensor | None:
        """The gradient of the input, float32, from those of the layers."""
        for slot, gradient in zip(self._plan.slots.values(), gradients, strict=True):
            if gradient is not None:
                tape.add_gradient(slot, channels_last(gradient.to(self._dtype)), owned=False)
        for step in reversed(self._plan.steps):
            step.backward(tape)
        found = tape.gradients.get(0)
        return None if found is None else found.to(torch.float32).contiguous()


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, network: FastNetwork) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.network, ctx.tape = network, Tape(keeps_values=True)
        return tuple(network.forward(x, ctx.tape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        network, tape = ctx.network, ctx.tape
        # There is one backward pass for each forward one; what it held is freed with it.
        ctx.tape = None
        return network.backward(gradients, tape), None


def fast_network(graph: fx.GraphModule, dtype: torch.dtype) -> tuple[FastNetwork | None, NotUsed | None, str]:
    """`graph` on the fast engine, or the reason why it cannot be.

    It is first compared with `graph` itself on noise: its operations are torch's own, but private ones.

    Args:
        graph: a folded feature extractor on the processor, weights of `dtype`.
        dtype: the number format that it computes in.

    Returns:
        (network, None, ""), or (None, reason, detail).
    """
    if not torch.backends.mkldnn.is_available():
        return None, NotUsed.NO_ONEDNN, ""
    try:
        plan = lowered(graph)
    except UnsupportedError as error:
        return None, NotUsed.UNSUPPORTED_OPERATION, str(error)
    if not any(isinstance(step, Conv) for step in plan.steps):
        return None, NotUsed.NO_CONVOLUTION, ""
    try:
        network = FastNetwork(plan, dtype)
        return (network, None, "") if _agrees(network, graph, dtype) else (None, NotUsed.DISAGREED, "")
    except (AttributeError, RuntimeError, NotImplementedError, TypeError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        return None, NotUsed.OPERATION_FAILED, first_line[:120]


def _agrees(network: FastNetwork, graph: fx.GraphModule, dtype: torch.dtype) -> bool:
    noise = torch.randn(1, 3, 72, 88, generator=torch.Generator().manual_seed(1))
    with torch.enable_grad():
        gradients = []
        for run in (network, graph):
            x = noise.clone().requires_grad_()
            given = x if run is network else channels_last(x.to(dtype))
            score = sum(each.float().square().mean() for each in run(given).values())
            (found,) = torch.autograd.grad(score, x)  # type: ignore[arg-type]
            gradients.append(found.flatten().double())
    cosine = torch.cosine_similarity(gradients[0], gradients[1], dim=0)
    return bool(cosine > LEAST_COSINE) or bool(gradients[0].norm() == gradients[1].norm() == 0)

"""fast: a frozen network on the processor, forward and back without autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.autograd.function import once_differentiable

from vidream.networks.cpu.conv import Conv
from vidream.networks.cpu.lowering import Lowered, lowered
from vidream.networks.cpu.steps import Tape

__all__ = ["FastNet", "fast_net"]

# Two different sums of bf16 products agree to this; a wrong gradient does not.
LEAST_COSINE = 0.98
# Packed weights are kept for the last shapes of picture, so many of them and no more than so large.
MOST_SHAPES = 24
PACKED_BYTES = 256 * 2**20


class FastNet:
    """Called like the extractor it was made of: an input [B,C,H,W] -> {layer: activation}, float32 each.

    Gradients flow to the input alone, once.
    """

    def __init__(self, plan: Lowered, dtype: torch.dtype) -> None:
        self._plan, self._dtype = plan, dtype
        self._names = tuple(plan.slots)
        convolutions = [step for step in plan.steps if isinstance(step, Conv)]
        # Both ways, for each shape: a frame's octaves have one each.
        shape_bytes = 2 * sum(conv.weight_bytes for conv in convolutions)
        for conv in convolutions:
            conv.pack(min(MOST_SHAPES, max(1, PACKED_BYTES // shape_bytes)))

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        if torch.is_grad_enabled() and x.requires_grad:
            found: Sequence[Tensor] = _Through.apply(x, self)
        else:
            found = self.forward(x, Tape(keeps=False))
        return dict(zip(self._names, found, strict=True))

    @torch.no_grad()
    def forward(self, x: Tensor, tape: Tape) -> list[Tensor]:
        """The layers' values, and `tape` filled for the way back."""
        # First the layout, then the type: the other way round takes twice as long.
        tape.values[0] = x.detach().contiguous(memory_format=torch.channels_last).to(self._dtype)
        wanted = set(self._plan.slots.values())
        for step in self._plan.steps:
            step.forward(tape)
            if not tape.keeps:
                for slot in step.reads:
                    if self._plan.last_reads[slot] is step and slot not in wanted:
                        tape.values.pop(slot, None)
        return [tape.values[slot].to(torch.float32, copy=True) for slot in self._plan.slots.values()]

    @torch.no_grad()
    def backward(self, grads: Sequence[Tensor | None], tape: Tape) -> Tensor | None:
        """The gradient of the input, float32."""
        for slot, grad in zip(self._plan.slots.values(), grads, strict=True):
            if grad is not None:
                tape.give(slot, grad.to(self._dtype).contiguous(memory_format=torch.channels_last), own=False)
        for step in reversed(self._plan.steps):
            step.backward(tape)
        found = tape.grads.get(0)
        return None if found is None else found.to(torch.float32).contiguous()


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, net: FastNet) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.net, ctx.tape = net, Tape(keeps=True)
        return tuple(net.forward(x, ctx.tape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None]:
        net, tape = ctx.net, ctx.tape
        # A pass goes back once; what it held goes with it.
        ctx.tape = None
        return net.backward(grads, tape), None


def fast_net(graph: fx.GraphModule, dtype: torch.dtype) -> FastNet | None:
    """`graph` as a FastNet, or None where this machine or the network does not allow it.

    It is tried on noise against `graph` itself first: the operations are torch's own, but not of its public ones.
    """
    if not torch.backends.mkldnn.is_available():
        return None
    plan = lowered(graph)
    if plan is None or not any(isinstance(step, Conv) for step in plan.steps):
        return None
    try:
        net = FastNet(plan, dtype)
        return net if _agrees(net, graph, dtype) else None
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return None


def _agrees(net: FastNet, graph: fx.GraphModule, dtype: torch.dtype) -> bool:
    noise = torch.randn(1, 3, 72, 88, generator=torch.Generator().manual_seed(1))
    with torch.enable_grad():
        gradients = []
        for run in (net, graph):
            x = noise.clone().requires_grad_()
            taken = x if run is net else x.to(dtype).contiguous(memory_format=torch.channels_last)
            score = sum(each.float().square().mean() for each in run(taken).values())
            (found,) = torch.autograd.grad(score, x)  # type: ignore[arg-type]
            gradients.append(found.flatten().double())
    cosine = torch.cosine_similarity(gradients[0], gradients[1], dim=0)
    return bool(cosine > LEAST_COSINE) or bool(gradients[0].norm() == gradients[1].norm() == 0)

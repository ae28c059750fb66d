"""What is done to a network's graph before it dreams: batch norm folded in, slow operations replaced."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fold_batch_norm", "make_strided_depthwise_fast", "use_own_statistics"]


def fold_batch_norm(graph: fx.GraphModule) -> None:
    """Fold every batch norm that directly follows a convolution into it, in place (eval mode only)."""
    modules = dict(graph.named_modules())
    for node in list(graph.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
            continue
        norm, conv = modules[str(node.target)], modules[str(before.target)]
        if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d):
            parent, _, name = str(before.target).rpartition(".")
            setattr(graph.get_submodule(parent), name, fuse_conv_bn_eval(conv, norm))
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)
    graph.recompile()


def use_own_statistics(graph: nn.Module) -> None:
    """Let batch norm take mean and deviation from the picture itself, and forget them again."""
    for module in graph.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
            module.momentum = 0.0


def make_strided_depthwise_fast(graph: nn.Module) -> None:
    """Let the backward pass of depthwise convolutions with a stride compute in float32, in place.

    oneDNN has no fast one in bfloat16 on a processor: it takes some twenty times as long as in float32, and with both
    conversions still seven times.
    """
    for name, module in list(graph.named_modules()):
        if isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels and max(module.stride) > 1:
            parent, _, own_name = name.rpartition(".")
            setattr(graph.get_submodule(parent), own_name, _StridedDepthwise(module))


class _StridedDepthwise(nn.Module):
    """A frozen convolution whose backward pass, to the picture alone, is computed in float32."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = _Convolved.apply(x, self.conv)
        return found


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: nn.Conv2d) -> Tensor:
        ctx.conv, ctx.shape = conv, x.shape
        found: Tensor = conv(x)
        return found

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad,) = grads
        conv, weight = ctx.conv, ctx.conv.weight.float()
        # Only its shape and layout are looked at.
        like = torch.empty(ctx.shape, dtype=torch.float32, memory_format=torch.channels_last)
        found, _, _ = torch.ops.aten.convolution_backward(
            grad.float(), like, weight, None, conv.stride, conv.padding, conv.dilation, False, (0, 0), conv.groups,
            (True, False, False),
        )  # fmt: skip
        return found.to(grad.dtype), None

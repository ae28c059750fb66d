"""The optional fast engine for frozen networks on the processor. `fast_network` is its one door.

It uses private operations of torch (`torch.ops.mkldnn`), so each network is first checked against torch's public way
on noise. Where the check fails, or an operation is missing, `fast_network` returns the reason and the network runs as a
plain torch module, with the same numbers up to rounding.
"""

from vidream.networks.cpu.fast import EngineUse, FastNetwork, NotUsed, fast_network

__all__ = ["EngineUse", "FastNetwork", "NotUsed", "fast_network"]

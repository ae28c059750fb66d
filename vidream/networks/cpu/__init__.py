"""A faster way through frozen networks on the processor."""

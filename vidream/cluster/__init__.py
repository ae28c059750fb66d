"""Many workers make one film, on Ray: units of it, what makes a unit, workers, and the driver that joins them."""

from vidream.cluster.cluster import Cluster

__all__ = ["Cluster"]

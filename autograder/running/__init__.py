"""Running what was handed in: hardened, in worker processes or on a cluster, and judged from outside."""

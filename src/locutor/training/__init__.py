"""One flow-matching training loop, for every network of the package."""

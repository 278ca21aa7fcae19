"""Training of the built-in voice model's networks, on speech whose phoneme boundaries are known."""

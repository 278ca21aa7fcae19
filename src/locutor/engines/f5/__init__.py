"""F5-TTS (arXiv 2410.06885): flow matching over mel frames, compatible with the public checkpoints."""

"""Write resemblyzer.json: embeddings by Resemblyzer 0.1.4 without its silence removal.

Run where resemblyzer, librosa, webrtcvad and soundfile are installed. One clip is long enough for several windows and
too quiet, so it is raised.
"""

import json
from pathlib import Path

import numpy as np
import soundfile
from resemblyzer import VoiceEncoder
from resemblyzer.audio import normalize_volume

encoder = VoiceEncoder("cpu", verbose=False)
clips = Path(__file__).parent.parent / "clips"


def embed(name, gain, repeats):
    samples, rate = soundfile.read(clips / f"{name}.opus", dtype="float32")
    assert rate == 16000
    samples = normalize_volume(np.tile(samples, repeats) * np.float32(gain), -30, increase_only=True)
    return [round(float(x), 7) for x in encoder.embed_utterance(samples)]


cases = [
    {"clip": name, "gain": gain, "repeats": repeats, "embedding": embed(name, gain, repeats)}
    for name, gain, repeats in (("en_a1", 1.0, 1), ("en_b1", 0.02, 3))
]
Path(__file__).with_name("resemblyzer.json").write_text(json.dumps(cases) + "\n")

"""Speak the bundled voice `default`: `python preset.py OUT.flac`. Environment as synthesise.py.

A voice half way between two of Kokoro's, reading a sentence of ours, phonemised by the built-in network.
"""

import sys

import soundfile

from locutor.engines.builtin.engine import read_networks
from locutor.engines.builtin.pronounce import pronounce
from synthesise import Synthesizer
from voices import mixed

TIMBRE, PROSODY = {"am_michael": 0.5, "bm_fable": 0.5}, "am_michael"
TEXT = (
    "When the light fades over the river, the boats come home one by one, and the whole town smells of bread and salt."
)

if __name__ == "__main__":
    synthesizer = Synthesizer()
    speaker = mixed(synthesizer.voices, TIMBRE, PROSODY)
    phonemes = pronounce(read_networks().g2p, TEXT, "en")
    clip = synthesizer.clip(speaker, synthesizer.pitch_scale(speaker, phonemes, "en"), phonemes, "en")
    assert clip is not None
    soundfile.write(sys.argv[1], clip.samples, 24_000)
    print(f"{len(clip.samples) / 24_000:.1f} s: {phonemes}")

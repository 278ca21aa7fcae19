"""What cloning keeps of each recording of a folder: `python measure_references.py FOLDER`.

Prints, per recording: similarity of three English sentences in its voice; of the recording through the vocoder alone,
as it is, with its missing upper bands filled, and with the audio matched to its mel then, with the predicted MOS of the
recording and of the last two; to the nearest other recording of the folder, which says what margin a perfect copy would
have; and of NAME.other.flac, further speech of the same person, where human_references.py made one, with its margin.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from locutor.analysis.mos import DistillMos
from locutor.analysis.speaker import Embedding, LstmSpeakerEncoder, similarity
from locutor.audio.io import read
from locutor.audio.mel import SAMPLE_RATE, mel_spectrogram
from locutor.audio.resample import resample
from locutor.engines.base import synthesize
from locutor.engines.builtin.bandwidth import fill_upper_bands
from locutor.engines.builtin.engine import BuiltinEngine, Networks, read_networks
from locutor.engines.builtin.match import matched
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

TEXTS = (
    "The meeting starts at noon, so please bring your notes and a pen.",
    "Nobody expected the storm to last for three whole days.",
    "If you want to leave a message, please speak slowly after the tone.",
)


@torch.inference_mode()
def through_vocoder(networks: Networks, waveform: Waveform, fill: bool, match: bool = False) -> Waveform:
    samples = torch.from_numpy(resample(waveform, SAMPLE_RATE).samples)
    mel = mel_spectrogram(samples[None]).transpose(1, 2)
    if fill:
        mel = fill_upper_bands(mel, networks.acoustic.mel_mean)
    audio = networks.vocoder(mel.transpose(1, 2))[0]
    return Waveform((matched(audio, mel[0]) if match else audio).numpy(), SAMPLE_RATE)


def clones(engine: BuiltinEngine, reference: Waveform) -> list[Waveform]:
    voice = engine.encode_voice(reference)
    made = []
    for seed, text in enumerate(TEXTS):
        options = SynthesisOptions(seed=seed)
        request = SpeechRequest(text=text, language="en", options=options)
        made += synthesize(engine, [engine.prepare(request, voice)], options)
    return made


def main() -> None:
    networks = read_networks()
    engine, encoder, mos = BuiltinEngine(networks), LstmSpeakerEncoder(), DistillMos()
    print("recording         cloned  vocoder  filled  matched  MOS before  filled  matched  nearest  again  margin")
    paths = sorted(
        p for p in Path(sys.argv[1]).iterdir() if p.suffix in (".flac", ".ogg", ".wav") and ".other" not in p.name
    )
    voices = {path: encoder.embed(read(path)) for path in paths}
    for path, own in voices.items():
        reference = read(path)
        cloned = [similarity(own, encoder.embed(w)) for w in clones(engine, reference)]
        plain, filled = (through_vocoder(networks, reference, fill) for fill in (False, True))
        row = f"{path.stem:16}  {sum(cloned) / len(cloned):6.3f}  {similarity(own, encoder.embed(plain)):7.3f}"
        last = through_vocoder(networks, reference, fill=True, match=True)
        row += f"  {similarity(own, encoder.embed(filled)):6.3f}  {similarity(own, encoder.embed(last)):7.3f}"
        row += f"  {mos.predict(reference):10.2f}  {mos.predict(filled):6.2f}  {mos.predict(last):7.2f}"
        others = [voice for other, voice in voices.items() if other != path]
        row += f"  {_nearest(own, others):7.3f}"
        other = path.with_suffix(".other.flac")
        if other.exists():
            again = encoder.embed(read(other))
            alike = similarity(own, again)
            row += f"  {alike:5.3f}  {alike - _nearest(again, others):6.3f}"
        print(row, flush=True)


def _nearest(voice: Embedding, others: Sequence[Embedding]) -> float:
    return max(similarity(voice, other) for other in others)


if __name__ == "__main__":
    main()

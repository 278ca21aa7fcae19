"""A small dataset for tests of training: short sentences in one voice, spoken by the built-in model itself."""

from pathlib import Path

from locutor.audio import io
from locutor.engines.base import Engine, synthesize
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

SENTENCES = ("Good morning.", "Open the door.", "It is late.", "Come in.", "See you soon.", "Where is it?")
HELD_OUT = ("Close the window.", "I know.")


def write_dataset(folder: Path, engine: Engine, reference: Waveform) -> Path:
    """`folder` as `locutor dataset build` leaves it, with six clips to learn from and two held out."""
    (folder / "wavs").mkdir(parents=True)
    voice = engine.encode_voice(reference)
    lists = {"metadata_train.csv": SENTENCES, "metadata_val.csv": HELD_OUT}
    for name, texts in lists.items():
        lines = []
        for i, text in enumerate(texts):
            options = SynthesisOptions(seed=i, nfe_step=4, cfg_strength=0)
            utterance = engine.prepare(SpeechRequest(text=text, language="en", options=options), voice)
            place = f"wavs/{Path(name).stem}_{i}.wav"
            io.write(folder / place, synthesize(engine, [utterance], options)[0], "wav")
            lines.append(f"{place}|{text}\n")
        (folder / name).write_text("".join(lines), encoding="utf-8")
    every = "".join((folder / name).read_text(encoding="utf-8") for name in lists)
    (folder / "metadata.csv").write_text(every, encoding="utf-8")
    (folder / "dataset.json").write_text('{"language": "en", "version": "1"}', encoding="utf-8")
    return folder

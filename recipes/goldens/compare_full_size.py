"""F5TTS_v1_Base and F5TTS_Base in full size beside upstream's, with the same random weights (see README.md).

Run in the environment of the goldens with this package importable:
    PYTHONPATH=src python recipes/goldens/compare_full_size.py VOCAB_FILE
"""

import sys
import time
from pathlib import Path

import torch
from f5_tts.model import CFM, DiT
from f5_tts.model.utils import convert_char_to_pinyin, get_tokenizer
from random_weights import redraw

from locutor.engines.base import Utterance
from locutor.engines.f5.checkpoint import Checkpoint, build_network
from locutor.engines.f5.config import packaged_config
from locutor.engines.f5.layout import packed
from locutor.engines.f5.sampling import SolveOptions
from locutor.engines.f5.session import Prepared, Solve
from locutor.engines.f5.tokens import read_vocabulary, tokenize
from locutor.engines.vocos import Vocos

TEXT = "Some words are spoken here, and ação follows. 你好，世界。"
N_REF, N_FRAMES = 140, 400
UPSTREAM = dict(dim=1024, depth=22, heads=16, ff_mult=2, text_dim=512, conv_layers=4)
VARIANTS = {
    "F5TTS_v1_Base": dict(text_mask_padding=True, pe_attn_head=None),
    "F5TTS_Base": dict(text_mask_padding=False, pe_attn_head=1),
}


@torch.inference_mode()
def compare(name: str, vocab_file: Path) -> None:
    vocabulary = read_vocabulary(vocab_file)
    theirs_map, size = get_tokenizer(str(vocab_file), "custom")
    assert size == len(vocabulary)
    model = CFM(
        transformer=DiT(**UPSTREAM, **VARIANTS[name], mel_dim=100, text_num_embeds=size), vocab_char_map=theirs_map
    ).eval()
    redraw(model)
    tensors = {k: v.clone() for k, v in model.transformer.state_dict().items()}
    ours = build_network(Checkpoint(packaged_config(name), tensors, "random weights"), vocabulary)
    ids = vocabulary.ids(tokenize(TEXT))
    assert tokenize(TEXT) == convert_char_to_pinyin([TEXT])[0]
    generator = torch.Generator().manual_seed(1)
    x, mel = torch.randn(1, N_FRAMES, 100, generator=generator), torch.randn(1, N_REF, 100, generator=generator)
    cond = torch.cat([mel, torch.zeros(1, N_FRAMES - N_REF, 100)], dim=1)
    start = time.perf_counter()
    wanted = model.transformer(x, cond, torch.tensor([ids]), torch.tensor([0.3]))
    theirs_s = time.perf_counter() - start
    start = time.perf_counter()
    got = ours(x, torch.tensor([0.3]), ours.context(cond, ours.text_embed(packed(ids, N_FRAMES)[None])))
    ours_s = time.perf_counter() - start
    report(name, "one call", got, wanted, ours_s, theirs_s)
    start = time.perf_counter()
    wanted, _ = model.sample(mel, convert_char_to_pinyin([TEXT]), N_FRAMES, steps=7, cfg_strength=2.0,
                             sway_sampling_coef=-1.0, seed=3)  # fmt: skip
    theirs_s = time.perf_counter() - start
    start = time.perf_counter()
    spoken = Utterance(text=TEXT, n_frames=N_FRAMES, seed=3, state=Prepared(ids=tuple(ids), mel=mel[0], gain=1.0))
    solve = Solve(ours, Vocos(), [spoken], SolveOptions(nfe_step=7))
    while not solve.done:
        solve.step()
    ours_s = time.perf_counter() - start
    report(name, "7 steps", solve.mel(0)[N_REF:], wanted[0, N_REF:], ours_s, theirs_s)


def report(name: str, what: str, got: torch.Tensor, wanted: torch.Tensor, ours_s: float, theirs_s: float) -> None:
    print(
        f"{name}, {what}: largest difference {(got - wanted).abs().max():.2e}, output std {wanted.std():.3f}, "
        f"ours {ours_s:.2f} s, upstream {theirs_s:.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    for variant in VARIANTS:
        compare(variant, Path(sys.argv[1]))

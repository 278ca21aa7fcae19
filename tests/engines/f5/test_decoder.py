"""On a GPU, a recorded vocoder gives what the plain one gives, for every length of its bucket."""

from types import ModuleType

import pytest
import torch

from locutor.engines.f5.decoder import GraphDecoder


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@torch.inference_mode()
def test_a_graph_gives_what_the_plain_vocoder_gives(kit: ModuleType) -> None:
    vocoder = kit.tiny_vocos().cuda()
    decoder = GraphDecoder(vocoder)
    generator = torch.Generator().manual_seed(0)
    for n in (70, 78, 66, 80, 91):  # one bucket: launched, then recorded, then replayed; 91 is another's
        mel = torch.randn(n, 100, generator=generator).cuda()
        (wanted,), (audio,) = vocoder.decode([mel]), decoder.decode([mel])
        assert audio.shape == wanted.shape
        torch.testing.assert_close(audio, wanted, rtol=0, atol=3e-3 * float(wanted.abs().max()))  # TF32
    assert len(decoder) == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@torch.inference_mode()
def test_what_was_given_out_is_not_overwritten(kit: ModuleType) -> None:
    decoder = GraphDecoder(kit.tiny_vocos().cuda())
    mels = [torch.randn(70, 100, generator=torch.Generator().manual_seed(i)).cuda() for i in range(3)]
    first = [decoder.decode([mel])[0] for mel in mels]
    kept = [audio.clone() for audio in first]
    decoder.decode([mels[0]])
    assert all(torch.equal(audio, copy) for audio, copy in zip(first, kept, strict=True))
    assert not torch.backends.cuda.matmul.allow_tf32

"""OpenAI's own Python client, against a service that listens."""

import asyncio
from collections.abc import Iterator
from typing import get_args

import numpy as np
import openai
import pytest
from openai.types.audio import SpeechModel

from locutor.audio import io


@pytest.fixture(scope="module")
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="sk-not-needed", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", get_args(SpeechModel))
def test_it_speaks(openai_client: openai.OpenAI, model: SpeechModel) -> None:
    answer = openai_client.audio.speech.create(
        model=model, voice="nova", input="Good morning!", response_format="wav", speed=1.25
    )
    assert io.decode(answer.content).duration_s > 0.1


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_it_streams_every_format(openai_client: openai.OpenAI, format: str) -> None:
    with openai_client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="A sentence that is spoken. " * 8, response_format=format
    ) as answer:
        data = b"".join(answer.iter_bytes())
    samples = np.frombuffer(data, "<i2") if format == "pcm" else io.decode(data).samples
    assert len(samples) > 10_000


def test_it_sends_extras_and_a_voice_by_id(openai_client: openai.OpenAI) -> None:
    def spoken() -> bytes:
        extra = {"seed": 7, "language": "pt-BR", "nfe_step": 4, "stream": False}
        return openai_client.audio.speech.create(
            model="tones", voice={"id": "default"}, input="Bom dia!", response_format="flac", extra_body=extra
        ).content

    assert spoken() == spoken()


def test_it_lists_models(openai_client: openai.OpenAI) -> None:
    ids = [model.id for model in openai_client.models.list()]
    assert "tts-1" in ids and "tones" in ids
    assert openai_client.models.retrieve("tones").owned_by == "locutor"


def test_errors_are_its_own(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no voice is called 'nobody'"):
        openai_client.audio.speech.create(model="tts-1", voice="nobody", input="Hello.")
    with pytest.raises(openai.UnprocessableEntityError, match="nothing to speak"):
        openai_client.audio.speech.create(model="tts-1", voice="alloy", input="...")
    with pytest.raises(openai.BadRequestError, match="unknown language"):
        openai_client.audio.speech.create(
            model="tts-1", voice="alloy", input="Hello.", extra_body={"language": "klingon"}
        )


def test_the_asynchronous_one_speaks_to_many_at_once(url: str) -> None:
    async def many() -> list[bytes]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
            answers = [
                client.audio.speech.create(model="tts-1", voice="alloy", input=f"Number {n}.", response_format="flac")
                for n in range(12)
            ]
            return [answer.content for answer in await asyncio.gather(*answers)]

    assert all(data.startswith(b"fLaC") for data in asyncio.run(many()))

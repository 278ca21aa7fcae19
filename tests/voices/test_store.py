from pathlib import Path

import pytest
import yaml

from locutor.errors import NotFoundError, OptionError
from locutor.voices.store import Voice, VoiceStore


def add_voice(data_dir: Path, name: str, **card: object) -> Path:
    folder = data_dir / "voices" / name
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text(yaml.safe_dump({"name": name.title(), "audio": "ref.wav"} | card))
    return folder


def test_the_default_voice_is_a_preset(tmp_path: Path) -> None:
    voice = VoiceStore(tmp_path).get("default")
    assert voice.kind == "preset" and voice.licence == "Apache-2.0"
    assert voice.ref_audio.name == "default.flac"


def test_own_voices(tmp_path: Path) -> None:
    folder = add_voice(tmp_path, "ana", ref_text="Olá.", language="pt-BR")
    voice = VoiceStore(tmp_path).get("ana")
    assert voice == Voice(
        id="ana", kind="own", ref_audio=folder / "ref.wav", ref_text="Olá.", name="Ana", language="pt-BR"
    )
    assert [v.id for v in VoiceStore(tmp_path).list()][-1] == "ana"


def test_an_unknown_voice_names_the_nearest(tmp_path: Path) -> None:
    add_voice(tmp_path, "joana")
    add_voice(tmp_path, "pedro")
    with pytest.raises(NotFoundError, match=r"no voice is called 'joanna'; near it: joana \("):
        VoiceStore(tmp_path).get("joanna")
    with pytest.raises(NotFoundError, match="near it: default, joana, pedro"):
        VoiceStore(tmp_path).get("xyzzy")


def test_a_name_is_never_a_path(tmp_path: Path) -> None:
    add_voice(tmp_path, "ana")
    with pytest.raises(NotFoundError, match="no voice is called '../voices/ana'"):
        VoiceStore(tmp_path).get("../voices/ana")


@pytest.mark.parametrize("audio", ["../secret.wav", "/etc/passwd", "", "..", "a\\b.wav"])
def test_a_card_cannot_point_elsewhere(tmp_path: Path, audio: str) -> None:
    add_voice(tmp_path, "ana", audio=audio)
    with pytest.raises(OptionError, match="audio: .*must be the name of a file beside the card"):
        VoiceStore(tmp_path).list()


def test_bad_cards(tmp_path: Path) -> None:
    folder = add_voice(tmp_path, "ana", colour="red")
    with pytest.raises(OptionError, match="voice.yaml: colour: "):
        VoiceStore(tmp_path).list()
    (folder / "voice.yaml").write_text("a: [")
    with pytest.raises(OptionError, match="voice.yaml is not valid YAML"):
        VoiceStore(tmp_path).list()


def test_a_preset_cannot_be_hidden(tmp_path: Path) -> None:
    add_voice(tmp_path, "default")
    with pytest.raises(OptionError, match="has the name of a preset"):
        VoiceStore(tmp_path).get("default")


def test_a_file_as_voice(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"the reference .*me.wav is not a file"):
        Voice.from_file(tmp_path / "me.wav")
    (tmp_path / "me.wav").touch()
    voice = Voice.from_file(tmp_path / "me.wav", "Hello.")
    assert (voice.id, voice.kind, voice.ref_text) == ("me.wav", "file", "Hello.")

"""Models pulled from a real HTTP server or a folder, checked, listed and removed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from locutor.engines.card import bundled_cards, read_card
from locutor.engines.checkpoints import CheckpointStore
from locutor.errors import CheckpointError, LocutorError, NotFoundError, OptionError, StorageError

WEIGHTS = b"weights " * 1000
VOCAB = b"a\nb\n"


def make_card(data_dir: Path, model: str = "tiny", **changes: Any) -> None:
    card = {
        "id": model,
        "engine": "f5",
        "title": "Tiny",
        "languages": ["en"],
        "licence": "CC0-1.0",
        "commercial_use": True,
        "source": "acme/tiny",
        "revision": "v1",
        "files": [{"role": "model", "path": "sub/model.bin"}],
    } | changes
    folder = data_dir / "models" / model
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(card))


def serve(hub: Any, content: bytes = WEIGHTS) -> str:
    digest: str = hub.put("acme/tiny/resolve/v1/sub/model.bin", content)
    return digest


@pytest.fixture
def store(hub: Any, tmp_path: Path) -> CheckpointStore:
    make_card(tmp_path)
    return CheckpointStore(tmp_path, hub.url)


def pull(store: CheckpointStore, model: str = "tiny", **options: Any) -> Any:
    return store.pull(model, licence_accepted=True, **options)


def test_the_bundled_cards_say_who_may_use_them() -> None:
    cards = bundled_cards()
    assert set(cards) == {"builtin", "f5tts-v1-base", "f5tts-base", "vocos-mel-24khz", "xtts-v2"}
    assert cards["builtin"].bundled and cards["builtin"].commercial_use
    assert set(cards["builtin"].languages) == {"en", "pt-BR"}
    for name in ("f5tts-v1-base", "f5tts-base"):
        assert cards[name].licence == "CC-BY-NC-4.0" and not cards[name].commercial_use
        assert cards[name].requires == ("vocos-mel-24khz",)
    assert all(card.licence_url for card in cards.values())


def test_weights_of_public_models_are_pinned() -> None:
    """A commit or, where every file has its hash, a tag. Only the vocabulary of a commit may go without a hash."""
    for card in bundled_cards().values():
        hashed = {file.role for file in card.files if file.sha256}
        roles = {file.role for file in card.files}
        assert card.bundled or hashed == roles or re.fullmatch("[0-9a-f]{40}", card.revision), card.id
        assert roles - hashed <= {"vocab"}, card.id


def test_urls_follow_the_hub_layout() -> None:
    card = bundled_cards()["f5tts-v1-base"]
    assert card.url("https://hub.test/", card.files[1]) == (
        "https://hub.test/SWivid/F5-TTS/resolve/84e5a410d9cead4de2f847e7c9369a6440bdfaca/F5TTS_v1_Base/vocab.txt"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("files: [{role: model, path: ../../etc/passwd}]", "without '..'"),
        ("files: [{role: model, path: /etc/passwd}]", "without '..'"),
        ("files: [{role: model, path: a, sha256: null, colour: red}]", "colour"),
        ("files: [{role: model, path: a, sha256: abc}]", "sha256"),
        ("id: ../up", "id"),
        ("source: https://evil.test", "source"),
        ("licence: ", "licence"),
    ],
)
def test_a_bad_card_is_refused(change: str, message: str) -> None:
    good = {"id": "x", "engine": "f5", "title": "X", "languages": [], "licence": "MIT", "commercial_use": True}
    read_card(yaml.safe_dump(good), "good.yaml")
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        read_card(yaml.safe_dump(good | yaml.safe_load(change)), "bad.yaml")
    assert "bad.yaml" in str(caught.value)


def test_a_card_that_is_not_yaml() -> None:
    with pytest.raises(CheckpointError, match="bad.yaml is not valid YAML"):
        read_card("a: [", "bad.yaml")


def test_pull_locates_and_removes(hub: Any, store: CheckpointStore, tmp_path: Path) -> None:
    digest = serve(hub)
    assert not store.is_installed("tiny")
    with pytest.raises(NotFoundError, match="locutor models pull tiny"):
        store.locate("tiny")
    seen: list[tuple[str, int, int | None]] = []
    [pulled] = pull(store, on_progress=lambda *step: seen.append(step))
    assert (pulled.path, pulled.sha256, pulled.first_use) == ("sub/model.bin", digest, True)
    assert seen[-1] == ("sub/model.bin", len(WEIGHTS), len(WEIGHTS))
    assert store.is_installed("tiny")
    checkpoint = store.locate("tiny")
    assert checkpoint.files["model"].read_bytes() == WEIGHTS and len(checkpoint.sha256) == 64
    store.remove("tiny")
    assert not (tmp_path / "models" / "tiny").exists()
    with pytest.raises(NotFoundError):
        store.card("tiny")


def test_a_second_pull_downloads_nothing(hub: Any, store: CheckpointStore) -> None:
    serve(hub)
    pull(store)
    hub.requests.clear()
    [again] = pull(store)
    assert hub.requests == [] and not again.first_use


def test_the_hash_of_the_first_use_binds_later_pulls(hub: Any, store: CheckpointStore, tmp_path: Path) -> None:
    serve(hub)
    pull(store)
    store.remove("tiny")
    make_card(tmp_path)
    serve(hub, b"something else " * 500)
    with pytest.raises(CheckpointError, match="SHA-256"):
        pull(store)
    assert not store.is_installed("tiny")


def test_a_published_hash_binds_the_first_pull(hub: Any, store: CheckpointStore, tmp_path: Path) -> None:
    digest = serve(hub)
    make_card(tmp_path, files=[{"role": "model", "path": "sub/model.bin", "sha256": digest}])
    [pulled] = pull(store)
    assert not pulled.first_use
    store.remove("tiny")
    make_card(tmp_path, files=[{"role": "model", "path": "sub/model.bin", "sha256": "0" * 64}])
    with pytest.raises(CheckpointError, match="as published"):
        pull(store)


def test_a_file_changed_on_disk_is_noticed(hub: Any, store: CheckpointStore) -> None:
    serve(hub)
    pull(store)
    path = store.locate("tiny").files["model"]
    path.write_bytes(WEIGHTS[:-1] + b"!")
    with pytest.raises(CheckpointError, match="pull the model again"):
        store.locate("tiny")


def test_equal_bytes_give_an_equal_checkpoint_hash(hub: Any, tmp_path: Path) -> None:
    serve(hub)
    hashes = []
    for name in ("one", "two"):
        make_card(tmp_path / name)
        store = CheckpointStore(tmp_path / name, hub.url)
        pull(store)
        hashes.append(store.locate("tiny").sha256)
    serve(hub, b"other")
    make_card(tmp_path / "three")
    store = CheckpointStore(tmp_path / "three", hub.url)
    pull(store)
    assert hashes[0] == hashes[1] != store.locate("tiny").sha256


def test_required_models_come_along(hub: Any, store: CheckpointStore, tmp_path: Path) -> None:
    serve(hub)
    hub.put("acme/voc/resolve/v1/voc.bin", b"vocoder")
    make_card(tmp_path, "voc", source="acme/voc", files=[{"role": "vocoder", "path": "voc.bin"}])
    make_card(tmp_path, requires=["voc"])
    assert [f.model for f in pull(store)] == ["tiny", "voc"]
    assert set(store.locate("tiny").files) == {"model", "vocoder"}
    store.remove("voc")
    make_card(tmp_path, "voc", source="acme/voc", files=[{"role": "vocoder", "path": "voc.bin"}])
    assert not store.is_installed("tiny")


def test_the_licence_must_be_accepted(hub: Any, store: CheckpointStore) -> None:
    with pytest.raises(OptionError, match=r"CC0-1.0; accept it with --accept-licence"):
        store.pull("tiny", licence_accepted=False)
    assert hub.requests == []


def test_offline_forbids_downloads_but_not_folders(hub: Any, tmp_path: Path) -> None:
    make_card(tmp_path)
    serve(hub)
    store = CheckpointStore(tmp_path, hub.url, offline=True)
    with pytest.raises(OptionError, match="offline is set; use --from FOLDER"):
        pull(store)
    assert hub.requests == []
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "model.bin").write_bytes(WEIGHTS)
    pull(store, source=shelf)
    assert store.locate("tiny").files["model"].read_bytes() == WEIGHTS


def test_from_folder(hub: Any, store: CheckpointStore, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    with pytest.raises(NotFoundError, match="shelf is not a folder"):
        pull(store, source=shelf)
    (shelf / "sub").mkdir(parents=True)
    with pytest.raises(NotFoundError, match="holds neither sub/model.bin nor model.bin"):
        pull(store, source=shelf)
    (shelf / "sub" / "model.bin").write_bytes(WEIGHTS)
    make_card(tmp_path, files=[{"role": "model", "path": "sub/model.bin", "sha256": "0" * 64}])
    with pytest.raises(CheckpointError, match="it was not taken"):
        pull(store, source=shelf)
    assert not store.is_installed("tiny")
    make_card(tmp_path)
    pull(store, source=shelf)
    assert store.is_installed("tiny") and hub.requests == []


def test_from_folder_to_a_full_disk(store: CheckpointStore, tmp_path: Path) -> None:
    shelf, target = tmp_path / "shelf", tmp_path / "models" / "tiny" / "sub"
    shelf.mkdir()
    (shelf / "model.bin").write_bytes(WEIGHTS)
    target.mkdir()
    (target / "model.bin.part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left on device"):
        pull(store, source=shelf)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("action", ["pull", "remove"])
def test_the_built_in_model_stays(store: CheckpointStore, action: str) -> None:
    with pytest.raises(OptionError, match="comes with the package"):
        pull(store, "builtin") if action == "pull" else store.remove("builtin")
    assert store.is_installed("builtin")


def test_remove_what_is_not_installed(store: CheckpointStore) -> None:
    with pytest.raises(NotFoundError, match="'f5tts-base' is not installed"):
        store.remove("f5tts-base")


def test_an_unknown_model_lists_the_nearest_first(store: CheckpointStore) -> None:
    with pytest.raises(NotFoundError, match=r"no model is called 'f5tts-v1'; models are f5tts-v1-base, ") as caught:
        store.card("f5tts-v1")
    assert isinstance(caught.value, LocutorError) and "builtin" in str(caught.value)


def test_two_cards_of_one_name(store: CheckpointStore, tmp_path: Path) -> None:
    make_card(tmp_path, "builtin")
    with pytest.raises(CheckpointError, match="two model cards are called 'builtin'"):
        store.cards()


def test_a_damaged_hash_book(hub: Any, store: CheckpointStore, tmp_path: Path) -> None:
    serve(hub)
    pull(store)
    (tmp_path / "models" / "hashes.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"hashes.json is damaged"):
        store.locate("tiny")

import importlib
import subprocess
import sys
from importlib.metadata import version

import pytest

import locutor


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_there_and_comes_from_its_home() -> None:
    assert sorted(locutor.__all__) == sorted(locutor._HOMES) and len(locutor.__all__) <= 12
    for name in locutor.__all__:
        assert getattr(locutor, name) is getattr(importlib.import_module(locutor._HOMES[name]), name)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Locutor'; it offers \['F5TTSInference', "):
        _ = locutor.Locutor


def test_star_import_gives_the_public_names() -> None:
    names = run("from locutor import *; print(sorted(n for n in dir() if not n.startswith('__')))")
    assert names.strip() == str(sorted(locutor.__all__))


@pytest.mark.parametrize(
    "code",
    [
        "import locutor",
        "from locutor import LocutorError, SpeechRequest, SynthesisOptions, Waveform",
        "import locutor.types, locutor.errors, locutor.settings",
        "import locutor.text.normalize, locutor.text.split",
    ],
)
def test_torch_is_not_imported_before_it_is_needed(code: str) -> None:
    assert run(f"{code}\nimport sys; print('torch' in sys.modules)").strip() == "False"


def test_the_version_is_that_of_the_package() -> None:
    assert locutor.__version__ == version("locutor")

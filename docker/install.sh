#!/bin/sh
# Install Locutor from a source tree into a virtual environment: install.sh SOURCE VENV
# TORCH_INDEX: where torch comes from; pip's own index when empty (on Linux that has the wheels for CUDA).
# EXTRAS: the package's extras, such as asr,f5.
set -eu
source=$1
venv=$2
python3 -m venv "$venv"
set -- --quiet --disable-pip-version-check --constraint "$source/constraints.txt"
# First and alone, so that no other wish for torch brings another build of it.
# Without what it needs, which PyTorch's index has in few versions and the next line brings.
"$venv/bin/pip" install "$@" ${TORCH_INDEX:+--no-deps --index-url "$TORCH_INDEX"} torch
"$venv/bin/pip" install "$@" "$source${EXTRAS:+[$EXTRAS]}"

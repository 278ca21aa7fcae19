"""The shell around every command: help, version, exit codes, what goes to which stream."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import locutor

COMMANDS = ["say", "infer", "models", "voices", "normalize", "evaluate", "doctor"]


def test_version(run: Any) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"locutor {locutor.__version__}\n")


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["models", "pull"], ["infer", "info"]])
def test_help(run: Any, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0 and "Usage" in result.stdout


def test_help_names_every_command(run: Any) -> None:
    shown = run("--help").stdout
    assert all(re.search(rf"\b{name}\b", shown) for name in COMMANDS)


@pytest.mark.parametrize(
    "args", [["--help"], ["say", "--help"], ["--version"], ["models", "list"], ["voices", "list"], ["normalize", "a 2"]]
)
def test_torch_is_not_imported(args: list[str]) -> None:
    code = (
        "import sys; from locutor.cli.main import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "args", [["nope"], ["say"], ["say", "hi", "--speed", "fast"], ["models", "info"], ["infer", "info"]]
)
def test_wrong_use_exits_with_2(run: Any, args: list[str]) -> None:
    result = run(*args)
    assert result.exit_code == 2 and result.stdout == "" and result.stderr


def test_a_bug_is_told_in_one_line(run: Any, refused: Any, tones: str, recording: Path) -> None:
    message = refused(run("say", "CRASH", "--model", tones, "--ref-audio", recording, "--no-normalize"), 1)
    assert message == "unexpected KeyError: 'a bug\\nof two lines' (LOCUTOR_DEBUG=1 shows where)"
    assert not Path("out.wav").exists()


@pytest.mark.parametrize("how", [pytest.param("flag", marks=pytest.mark.slow), "variable"])
def test_tracebacks_on_request(start: Any, tones: str, recording: Path, how: str) -> None:
    flags = ["--verbose"] if how == "flag" else []
    environ = {} if how == "flag" else {"LOCUTOR_DEBUG": "1"}
    args = [*flags, "say", "FAIL", "--model", tones, "--ref-audio", str(recording), "--no-normalize"]
    process = start(*args, **environ)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and out == b""
    assert b"error: cannot say 'FAIL'" in err and b"Traceback" in err


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(start: Any, tones: str, recording: Path, home: Path) -> None:
    before = sorted(home.rglob("*"))
    process = start("say", "WAIT", "--model", tones, "--ref-audio", str(recording), "--no-normalize")
    _wait_until_busy(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == b""
    assert err.decode().strip().splitlines()[-1] == "error: stopped by Ctrl-C"
    assert sorted(home.rglob("*")) == before


def _wait_until_busy(process: "subprocess.Popen[bytes]") -> None:
    """Until the process has loaded its libraries and sleeps in the engine."""
    deadline, idle = time.monotonic() + 60, 0
    while idle < 5:
        assert process.poll() is None and time.monotonic() < deadline
        state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = int(state[11]) + int(state[12])
        time.sleep(0.2)
        later = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        idle = idle + 1 if cpu > 50 and int(later[11]) + int(later[12]) == cpu else 0


def test_a_bad_setting_is_one_sentence(run: Any, refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTOR_THREADS", "many")
    assert refused(run("models", "list"), 2).startswith("setting threads cannot be 'many': ")


def test_a_missing_config_file_is_one_sentence(run: Any, refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTOR_CONFIG", "gone.toml")
    assert refused(run("voices", "list"), 1) == "LOCUTOR_CONFIG names gone.toml, which is not a file"


@pytest.mark.parametrize(("locale", "said"), [("pt_BR.UTF-8", "erro: nenhuma voz se chama"), ("C", "error: no voice")])
def test_errors_are_in_the_language_of_the_terminal(
    run: Any, monkeypatch: pytest.MonkeyPatch, locale: str, said: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert run("say", "Hello.", "--voice", "nobody").stderr.startswith(said)


def test_wrong_use_is_told_in_the_language_of_the_terminal(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    asked = run("say", "Hello.", "--speed", "quick")
    assert asked.exit_code == 2
    assert "Valor inválido para '--speed': o valor precisa ser um número" in asked.stderr
    assert "o arquivo 'nope.zip' não existe" in run("voices", "import", "nope.zip").stderr
    assert "Não há o comando 'sai'. Quis dizer 'say'?" in run("sai").stderr

"""What the images promise. They are not built here: their files are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from qrcascade.cascade import PRESETS
from qrcascade.cli import main
from qrcascade.cli.serve import serve

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
TEXT = (DOCKER / "Dockerfile").read_text("utf-8")
STAGES = {
    name: f"FROM {body}"
    for body in re.split(r"^FROM ", TEXT, flags=re.M)[1:]
    for name in re.findall(r"^\S+ AS (\S+)", body)
}


def test_both_images_come_from_one_base() -> None:
    assert set(STAGES) == {"built", "built-openvino", "base", "classical", "openvino"}
    for image in ("classical", "openvino"):
        assert STAGES[image].startswith(f"FROM base AS {image}\n")
    base = STAGES["base"]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", base, re.M), "it runs as root"
    assert "USER" not in STAGES["classical"] + STAGES["openvino"]
    assert "/health" in base[base.index("HEALTHCHECK") :]
    assert 'ENTRYPOINT ["qrcascade", "serve"]' in base
    assert "QRCASCADE_OFFLINE=1" in base


def test_the_classical_image_has_no_neural_extra() -> None:
    extras = {stage: re.findall(r"'\.\[([\w,]+)\]'", text) for stage, text in STAGES.items()}
    assert extras["built"] == ["server,heif"]
    assert extras["built-openvino"] == ["server,heif,openvino"]
    declared = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in {name for found in extras.values() for names in found for name in names.split(",")}:
        assert re.search(rf"^{extra} = \[", declared, re.M), f"there is no extra {extra}"


def test_what_is_copied_is_there() -> None:
    for files in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.M):
        for name in files.split():
            assert (ROOT / name).exists()
            assert f"!{name}" in (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()


def test_what_is_set_is_a_setting() -> None:
    known = {f"QRCASCADE_{option.name}".upper() for option in serve.params}
    known |= {"QRCASCADE_TOKEN", "QRCASCADE_WEIGHTS", "QRCASCADE_OFFLINE"}
    compose = (DOCKER / "compose.yaml").read_text("utf-8")
    assert set(re.findall(r"\bQRCASCADE_[A-Z_]+", TEXT + compose)) <= known
    for presets in re.findall(r'QRCASCADE_PRESETS="(.*?)"', TEXT):
        assert set(presets.split()) <= set(PRESETS)
    # Without a token the address that the images listen on is refused.
    refused = CliRunner(env={"QRCASCADE_HOST": "0.0.0.0", "QRCASCADE_TOKEN": ""}).invoke(main, ["serve"])
    assert refused.exit_code == 2
    assert "QRCASCADE_TOKEN" in refused.stderr


def test_compose() -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))["services"]
    assert set(services) == {"classical", "openvino"}
    for name, service in services.items():
        assert service["build"]["target"] == name
        assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["ports"] == ["127.0.0.1:8008:8008"]
        assert service["environment"]["QRCASCADE_TOKEN"].startswith("${QRCASCADE_TOKEN:?")
        assert service["mem_limit"]
    assert services["openvino"]["volumes"][0].endswith(":/weights:ro")

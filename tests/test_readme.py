"""The README's Python runs as it stands, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from edge_sdk.records import inspection_from_json

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    film, live = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    monkeypatch.chdir(tmp_path)

    exec(compile(film, "README.md", "exec"), {})
    inspection = inspection_from_json((tmp_path / "inspection" / "report.json").read_bytes())
    assert inspection.status == "complete" and len(capsys.readouterr().out.splitlines()) >= len(inspection.observations)

    exec(compile(live, "README.md", "exec"), {})
    assert "black" in capsys.readouterr().out


@pytest.mark.parametrize(
    "readme",
    sorted(
        str(path.relative_to(ROOT))
        for path in [*ROOT.glob("**/README.md"), *ROOT.glob("docs/*.md")]
        if not {".venv", "build"} & set(path.relative_to(ROOT).parts)
    ),
)
def test_relative_links_lead_to_files(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in target or (ROOT / readme).parent.joinpath(target).exists(), f"{readme} links to {target}"

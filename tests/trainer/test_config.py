from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.config import Config, config_from_yaml, yaml_from_config
from trainer.errors import ConfigError

RECIPES = Path(__file__).parents[2] / "trainer" / "recipes"


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_resolves_and_opens_with_its_header(path: Path) -> None:
    config_from_yaml(path)

    header = path.read_text().split("name:")[0]
    assert "# Source:" in header
    assert "# Hardware:" in header


def test_recipe_states_differences_only(recipe: Callable[[str], Path]) -> None:
    config = config_from_yaml(recipe("name: a\nloop: {epochs: 3}\n"))

    assert config.loop.epochs == 3
    assert config.optim == Config(name="a").optim


def test_overrides_are_applied_in_order(recipe: Callable[[str], Path]) -> None:
    config = config_from_yaml(recipe("name: a\n"), ["loop.epochs=3", "optim.lr=2e-4", "loop.epochs=4", "preprocess.height=64"])

    assert (config.loop.epochs, config.optim.lr, config.preprocess.height) == (4, 2e-4, 64)


def test_resolved_config_reads_back_the_same(recipe: Callable[[str], Path]) -> None:
    config = config_from_yaml(recipe("name: a\noptim: {lr: 1e-5}\n"))

    assert config_from_yaml(recipe(yaml_from_config(config))) == config


@pytest.mark.parametrize(
    ("text", "overrides", "named"),
    [
        ("name: a\nloop: {epoch: 3}\n", [], "loop.epoch"),
        ("name: a\nlop: {}\n", [], "lop"),
        ("name: a\n", ["optim.learning_rate=1"], "optim.learning_rate"),
        ("name: a\nloop: {epochs: many}\n", [], "loop.epochs"),
        ("name: a\nloop: {epochs: 0}\n", [], "loop.epochs"),
        ("name: a\ntask: dance\n", [], "task"),
        ("loop: {epochs: 3}\n", [], "name"),
        ("name: ../../etc\n", [], "name"),
        ("name: a\n", ["loop.epochs"], "loop.epochs"),
        ("name: a\n", ["name.epochs=1"], "name"),
        ("- a\n", [], "mapping"),
        ("name: [\n", [], "YAML"),
    ],
)
def test_unusable_recipe_is_refused_in_one_line_that_names_the_key(
    recipe: Callable[[str], Path], text: str, overrides: list[str], named: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_yaml(recipe(text), overrides)

    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        config_from_yaml(tmp_path / "nowhere.yaml")

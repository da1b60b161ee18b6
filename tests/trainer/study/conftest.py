"""A study of two cells that takes seconds: ViT-T at 32 px, one epoch, on 24 random pictures."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.trainer.folders import DATASET, random_targets, write_split
from tests.trainer.study.two_cells import DINO, FINETUNE, MACHINE, VIT_TINY, run
from trainer.study.run import Study, open_study
from trainer.study.scale import Scale, scale_named


@pytest.fixture(scope="session")
def micro() -> Scale:
    everything = {"preprocess.height": 32, "preprocess.width": 32, "loop.batch_size": 4, "loop.precision": "32", "loop.plots": False}
    dino = {"loop.epochs": 1, "dino.prototypes": 32, "dino.hidden": 32, "dino.bottleneck": 16}
    return msgspec.structs.replace(
        scale_named("tiny"),
        resamples=10,
        backbones=(VIT_TINY,),
        fractions={50: {"loop.epochs": 1}},
        all={**everything, "augment.policy": "light"},
        dino=dino,
        hybrid=dino,
        linear={"loop.epochs": 1},
    )


@pytest.fixture(scope="session")
def study_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 training images of four label combinations, 8 for validation, 8 for the figures."""
    root = tmp_path_factory.mktemp("study") / "data"
    for split, num in {"Train": 24, "Val": 8, "Test": 8}.items():
        write_split(root, split, np.tile(random_targets(4), (num // 4, 1)), size=40)
    (root / "DATASET.yaml").write_text(DATASET.replace("random", "painted"))
    return root


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory, micro: Scale, study_data: Path) -> Study:
    """Run once for all tests, which must leave it as it is."""
    out = tmp_path_factory.mktemp("finished") / "out"
    study = open_study("table2", "tiny", micro, data_root=study_data, out=out, machine=MACHINE)
    outcomes = run(study, [DINO, FINETUNE])
    assert [outcome.failure for outcome in outcomes] == [None, None]
    return study

"""Sewer-ML's exact layout: its header, its odd rows, pictures of several resolutions."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import config_from_tree
from trainer.data.loader import StepSampler
from trainer.data.provenance import provenance_of
from trainer.data.sewer_ml import read_split
from trainer.data.training import batches, eval_batches, read_data

HEADER = "Filename,WaterLevel,VA,RB,OB,PF,DE,FS,IS,RO,IN,AF,BE,FO,GR,PH,PB,OS,OP,OK,ND,Defect"
SIZES = [(352, 288), (720, 576), (720, 480), (586, 480), (640, 480), (1024, 768)]
ROWS = [
    "00000005.png,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0",  # no defect
    "00000017.png,3,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",  # water alone: ND is 0, and yet none of the 17
    "00000021.png,3,1,1,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,1",  # water, a crack and a displaced joint
    "00000104.png,0,0,0,0,0,0,0,0,0,0,0,1,0,1,0,1,0,0,0,0,1",  # deposit and two connections
    "01299999.png,10,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,1",  # the last class
    "00000110.png,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",  # neither ND nor a defect
]


@pytest.fixture
def sewer_ml(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("Train", "Val"):
        (tmp_path / split).mkdir()
        (tmp_path / f"SewerML_{split}.csv").write_bytes("\r\n".join([HEADER, *ROWS, ""]).encode())
        for row, (width, height) in zip(ROWS, SIZES, strict=True):
            cv2.imwrite(str(tmp_path / split / row.split(",")[0]), rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return tmp_path


def test_labels_are_the_17_columns_and_normal_is_none_of_them(sewer_ml: Path) -> None:
    split = read_split(sewer_ml, "Train")

    named = [[taxonomy().codes[c] for c in np.flatnonzero(target_C)] for target_C in split.targets_NC]
    assert named == [[], [], ["RB", "FS"], ["BE", "GR", "PB"], ["OK"], []]
    assert list(split.files) == [row.split(",")[0] for row in ROWS]


@pytest.mark.parametrize("policy", ["light", "paper"])
def test_pictures_of_several_resolutions_make_one_batch(sewer_ml: Path, policy: str) -> None:
    tree = {
        "name": "sewer-ml",
        "data": {"root": str(sewer_ml), "name": "Sewer-ML", "kind": "sewer-ml", "licence": "CC BY-NC-SA 4.0", "workers": 0},
        "preprocess": {"height": 48, "width": 48},
        "augment": {"policy": policy},
        "loop": {"batch_size": 6},
    }
    config = config_from_tree(tree, "test")
    data = read_data(config)

    (batch,) = batches(data, StepSampler(6, 6, 1, seed=0), config, num_views=2)
    (plain,) = eval_batches(data.val, config)

    assert [view.shape for view in (*batch.views_NHWC, plain.images_NHWC)] == [(6, 48, 48, 3)] * 3
    assert (provenance_of(config.data).name, provenance_of(config.data).label_rule.look_ahead_m) == ("Sewer-ML", 1.0)

#!/usr/bin/env bash
# The whole way on small rendered data: frames -> training -> ONNX -> signed bundle -> inspection of a rendered drive.
# Usage: deploy/pipeline.sh FOLDER   (a new folder is made; minutes on a CPU)
set -euo pipefail

out=${1:?usage: deploy/pipeline.sh FOLDER}
python=${PYTHON:-python}
sewer_edge=${SEWER_EDGE:-sewer-edge}
if [ -e "$out" ]; then
  echo "error: $out exists; give a new folder" >&2
  exit 1
fi
mkdir -p "$out"

"$python" -m trainer.cli synth frames --out "$out/data" --train 1200 --val 200 --test 200 --seed 7
"$python" -m trainer.cli finetune trainer/recipes/smoke.yaml data.root="$out/data" out="$out/runs"
"$python" -m trainer.cli export "$out/runs/smoke" --out "$out/export"
"$python" -m trainer.cli keygen "$out/smoke.key"
"$python" -m trainer.cli pack "$out/export" --key "$out/smoke.key" --out "$out/smoke.bundle"

"$python" -m trainer.cli synth drive --out "$out/drive" --length-m 3 --fps 12 --seed 3
"$sewer_edge" run "$out/drive/drive.mp4" --odometer "$out/drive/odometer.csv" \
  --bundle "$out/smoke.bundle" --trust "$out/smoke.key.pub" --out "$out/inspection"

#!/usr/bin/env bash
# What only a GPU can run, in at most 8 minutes: the benchmarks' GPU rows, then the headline rows of chapters 4 and 5 at scale
# full, seeds side by side, for their networks are too small to fill a GPU one at a time. Records go to $KDLIB_RUNS/records
# (default: runs/ here). Cut off, it goes on from the last whole epoch when it is called again.
#
#     benchmarks/gpu.sh [FOLDER OR FILE with CIFAR-10]      PYTHON=python3 by default, in the root of the repository
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
deadline=$((SECONDS + 480))
export PYTHONPATH=$PWD KDLIB_RUNS=${KDLIB_RUNS:-$PWD/runs} OMP_NUM_THREADS=2 TQDM_DISABLE=1

"$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { echo "no CUDA device here" >&2; exit 1; }
mkdir -p "$KDLIB_RUNS"
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader
[ $# = 0 ] || "$python" -m kdlib data fetch cifar10 --from "$1"

timeout 90 "$python" benchmarks/run.py training losses | tee "$KDLIB_RUNS/bench.txt"

rows() {  # experiment, pattern of arms, seed
    timeout -k 5 $((deadline - SECONDS)) "$python" -m kdlib run "$1" --scale full --only "$2" --seeds "$3"
}
for seed in 0 1 2 3 4; do
    rows cifar 'full-*' "$seed" &
    { for arms in teacher alone hinton-a0.25-T1 'moved-*'; do rows xray "$arms" "$seed"; done; } &
done
wait
"$python" -m kdlib show cifar --scale full
"$python" -m kdlib show xray --scale full

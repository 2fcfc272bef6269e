#!/bin/sh
# The laboratory on one GPU: every recipe of a question trained at once under one budget, then one table.
#
#   benchmarks/laboratory.sh QUESTION PACK OUT [DEV...]
#
# QUESTION: kinds (no attention, CTC, every score, transformer, parallel, fixations), lines (the same on lines
# of text), heads, encoders, positions, gates, scales, alignment, regular. PACK: fonts (tools/fetch_fonts.py).
# DEV: sets of crops to read; rendered ones unless given. MINUTES (2), SEEDS (1), TOGETHER (all) and WORKERS (1)
# come from the environment, TRAIN names folders of crops to learn from besides.
# On an H200 with 16 cores thirteen trials at a time get 550 to 1,400 steps each in two minutes, if CUDA's
# multi-process service runs (nvidia-cuda-mps-control -d): without it their small kernels wait for each other.
set -eu
question=$1 pack=$2 out=$3
shift 3
recipes=$(dirname "$0")/../recipes
lines=
case $question in
  kinds) chosen="$recipes/*.toml" ;;
  lines) chosen="$recipes/none.toml $recipes/ctc.toml $recipes/recurrent-additive.toml
    $recipes/recurrent-location.toml $recipes/autoregressive.toml $recipes/fixations.toml" lines=--lines ;;
  heads | encoders | positions | gates | scales | alignment | regular) chosen="$recipes/$question/*.toml" ;;
  *) echo "no question '$question'" >&2; exit 2 ;;
esac
# each question has its twin without what is asked about
case $question in
  encoders | positions | gates | scales) chosen="$chosen $recipes/ctc.toml" ;;
  heads) chosen="$chosen $recipes/autoregressive.toml" ;;
  alignment) chosen="$chosen $recipes/recurrent-additive.toml" ;;
  regular) chosen="$chosen $recipes/recurrent-additive.toml $recipes/alignment/unsupervised.toml" ;;
esac
sets=
for one in ${TRAIN:-}; do sets="$sets --train $one"; done
for one in "$@"; do sets="$sets --dev $one"; done
export OMP_NUM_THREADS=1
# shellcheck disable=SC2086
exec "${PYTHON:-python3}" -m foveal compare $chosen --fonts "$pack" $sets $lines --output "$out" \
  --minutes "${MINUTES:-2}" --seeds "${SEEDS:-1}" --together "${TOGETHER:-$(echo $chosen | wc -w)}" \
  --workers "${WORKERS:-1}" --threads 1 --batch "${BATCH:-256}" --echo 4 --limit "${LIMIT:-300}"

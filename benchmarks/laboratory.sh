#!/bin/sh
# The laboratory on one GPU: every recipe of a question trained at once under one budget, then one table.
#
#   benchmarks/laboratory.sh QUESTION PACK OUT [DEV...]
#   benchmarks/laboratory.sh hands PACK OUT TRAIN.ZIP DEV.ZIP
#   benchmarks/laboratory.sh beside PACK OUT TRAIN.ZIP DEV.ZIP BOXED DEV...
#
# QUESTION: kinds (no attention, CTC, every score, transformer, parallel, fixations), lines (the same on lines
# of text), heads, encoders, positions, gates, scales, alignment, regular, schedule; boxes (looks supervised by
# boxes that somebody drew: TRAIN must name crops that have some); hands (attention against none on words of
# hands and old print, cut from lines: both zips hold words.tsv, of tools/cut_words.py); later (what the
# other questions gained since they were asked, with their twins). PACK: fonts (tools/fetch_fonts.py).
# DEV: sets of crops to read; rendered ones unless given. MINUTES (2), SEEDS (1), TOGETHER (all), WORKERS (1)
# and DEVICE come from the environment, TRAIN names folders of crops to learn from besides, COSTS=--no-costs
# leaves out what reading costs (benchmarks/laboratory_cost.py measures it).
# beside: later, then boxes (BOXED has the boxes), nine at a time, and beside these hands, six at a time, for
# HANDS_MINUTES (7.5), all from three seeds: 17 minutes, of which next to nothing is done twice when it is cut
# short and given again.
# On an H200 with 16 cores thirteen trials at a time get 550 to 1,400 steps each in two minutes, if CUDA's
# multi-process service runs (nvidia-cuda-mps-control -d): without it their small kernels wait for each other.
set -eu
question=$1 pack=$2 out=$3
shift 3
here=$(dirname "$0")
recipes=$here/../recipes
python=${PYTHON:-python3}
cut_hands() { # train.zip dev.zip: words of hands and print as sets of crops, once
  [ -e "$out/words/done" ] && return
  "$python" "$here/laboratory_hands.py" "$1" "$2" "$out/words"
  : >"$out/words/done"
}
if [ "$question" = beside ]; then
  train=$1 dev=$2 boxed=$3
  shift 3
  export SEEDS="${SEEDS:-3}" COSTS=--no-costs
  mkdir -p "$out"
  {
    TOGETHER=${TOGETHER:-9} sh "$0" later "$pack" "$out/later" "$@"
    TOGETHER=${TOGETHER:-9} TRAIN=$boxed sh "$0" boxes "$pack" "$out/boxes" "$@"
  } >"$out/later.log" 2>&1 &
  words=$!
  MINUTES=${HANDS_MINUTES:-7.5} LIMIT=${LIMIT:-150} TOGETHER=${TOGETHER:-6} \
    sh "$0" hands "$pack" "$out/hands" "$train" "$dev" >"$out/hands.log" 2>&1 &
  hands=$!
  failed=0
  wait "$words" || failed=1
  wait "$hands" || failed=1
  tail -n 40 "$out/later.log" "$out/hands.log"
  exit "$failed"
fi
lines=
case $question in
  kinds) chosen="$recipes/*.toml" ;;
  lines) chosen="$recipes/none.toml $recipes/ctc.toml $recipes/recurrent-additive.toml
    $recipes/recurrent-location.toml $recipes/autoregressive.toml $recipes/fixations.toml" lines=--lines ;;
  hands)
    chosen="$recipes/none.toml $recipes/recurrent-additive.toml $recipes/ctc.toml $recipes/fixations.toml"
    mkdir -p "$out"
    cut_hands "$1" "$2"
    TRAIN=$(echo "$out"/words/train/*)
    shift 2
    set -- "$out"/words/dev/*
    ;;
  later)
    a=$recipes/alignment
    chosen="$a/weight-005.toml $a/weight-1.toml $a/annealed-02.toml $a/uncertainty-02.toml $a/unsupervised.toml
      $recipes/regular/sparsemax.toml $recipes/positions/bucketed.toml $recipes/positions/distance.toml
      $recipes/gates/spatial-global.toml $recipes/schedule/*.toml
      $recipes/ctc.toml $recipes/recurrent-additive.toml $recipes/autoregressive.toml" ;;
  boxes) chosen="$recipes/alignment/manual.toml $recipes/alignment/rendered.toml $recipes/alignment/unsupervised.toml" ;;
  heads | encoders | positions | gates | scales | alignment | regular | schedule) chosen="$recipes/$question/*.toml" ;;
  *) echo "no question '$question'" >&2; exit 2 ;;
esac
# each question has its twin without what is asked about
case $question in
  encoders | positions | gates | scales) chosen="$chosen $recipes/ctc.toml" ;;
  heads) chosen="$chosen $recipes/autoregressive.toml" ;;
  alignment) chosen="$chosen $recipes/recurrent-additive.toml" ;;
  regular) chosen="$chosen $recipes/recurrent-additive.toml $recipes/alignment/unsupervised.toml" ;;
  schedule) chosen="$chosen $recipes/ctc.toml $recipes/autoregressive.toml $recipes/recurrent-additive.toml" ;;
esac
sets=
for one in ${TRAIN:-}; do sets="$sets --train $one"; done
for one in "$@"; do sets="$sets --dev $one"; done
export OMP_NUM_THREADS=1
# shellcheck disable=SC2086
exec "$python" -m foveal compare $chosen --fonts "$pack" $sets $lines --output "$out" \
  --minutes "${MINUTES:-2}" --seeds "${SEEDS:-1}" --together "${TOGETHER:-$(echo $chosen | wc -w)}" \
  --workers "${WORKERS:-1}" --threads 1 --batch "${BATCH:-256}" --echo 4 --limit "${LIMIT:-300}" \
  --device "${DEVICE:-auto}" ${COSTS:-}

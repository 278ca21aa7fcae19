#!/usr/bin/env bash
# One training run on a machine with GPUs: make speech and train on it at once.
#   run_gpu.sh WORK SECONDS
# WORK holds kokoro_f.onnx, voices.npz, vocab.json, corpus.jsonl.gz, words.jsonl.gz, and weights to go on from in
# WORK/start/{acoustic,duration,g2p,vocoder}.safetensors where there are any. Logs and runs go to WORK. PARTS names the
# networks to train, of these four.
# At first all GPUs make speech, those before the last one for DATA_S. Then the first one trains the vocoder to the end;
# the last one trains the acoustic network for ACOUSTIC_S, while the processors go on making speech, then predicts mels
# for the vocoder, then trains the others. Where the vocoder is not asked for, the first one trains the others meanwhile.
# Run it from a copy of the tree that nothing replaces meanwhile. It ends within a minute when something is missing, and
# soon after a network has failed for the third time: WORK/failed says why.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$1 seconds=$2
export PYTHONPATH=$here/../../src${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
export MODEL=$work/kokoro_f.onnx VOICES=$work/voices.npz VOCAB=$work/vocab.json CORPUS=$work/corpus.jsonl.gz
n_gpus=${N_GPUS:-$(nvidia-smi -L 2>/dev/null | wc -l)}
[ "$n_gpus" -eq 0 ] && export DEVICE=cpu
last_gpu=$((n_gpus > 0 ? n_gpus - 1 : 0))
n_per_gpu=${SYNTHESIZERS:-13}
n_on_cpu=${CPU_SYNTHESIZERS:-$(($(nproc --all) - 8))}  # plain nproc obeys OMP_NUM_THREADS
first_data_s=${FIRST_DATA_S:-110}
data_s=${DATA_S:-$first_data_s}
acoustic_s=${ACOUSTIC_S:-$((seconds / 2))}
predict_s=${PREDICT_S:-45}
parts=" ${PARTS:-acoustic vocoder duration g2p} "
mkdir -p "$work/shards" "$work/logs"
cd "$here" || exit 1
end=$(($(date +%s) + seconds))

failed() { # why: ends everything
  echo "$1" | tee "$work/failed"
  kill 0
}

train() { # gpu part data end: starts again when it fails, then without a captured step
  local start= left captured=1 n_failures=0
  [[ $parts == *" $2 "* ]] || return
  [ -f "$work/start/$2.safetensors" ] && start=$work/start/$2.safetensors
  while left=$(($4 - $(date +%s))); [ $left -gt 15 ]; do
    START=$start CAPTURED=$captured CUDA_VISIBLE_DEVICES=$1 OMP_NUM_THREADS=4 \
      python3 train.py "$2" "$3" "$work/run_$2" $left >>"$work/logs/$2.log" 2>&1 && break
    captured=0 n_failures=$((n_failures + 1))
    [ $n_failures -lt 3 ] || failed "$2: $(tail -n 1 "$work/logs/$2.log")"
    sleep 3
  done
}

synthesise() { # gpu rank seconds, with DEVICE as it is
  CUDA_VISIBLE_DEVICES=$1 python3 synthesise.py "$2" "$3" "$work/shards" >>"$work/logs/synthesise_$2.log" 2>&1
}

last_gpu_in_turn() {
  local acoustic_end=$(($(date +%s) + acoustic_s))
  train "$last_gpu" acoustic "$work/shards" $acoustic_end
  [[ $parts == *" vocoder "* ]] || return
  [ -d "$work/run_acoustic" ] && CUDA_VISIBLE_DEVICES=$last_gpu OMP_NUM_THREADS=4 python3 predict_mels.py \
    "$work/shards" "$work/run_acoustic" "$work/predictions" "$predict_s" >>"$work/logs/predict_mels.log" 2>&1
  date +"predicted %T"
  others "$last_gpu"
}

first_gpu_in_turn() {
  sleep $((data_s - first_data_s))
  if [[ $parts == *" vocoder "* ]]; then train 0 vocoder "$work/shards" $end; else others 0; fi
}

others() { # gpu
  local half=$end
  [[ $parts == *" g2p "* ]] && half=$((($(date +%s) + end) / 2))
  train "$1" duration "$work/shards" $half
  train "$1" g2p "$work" $end
}

python3 -c 'import onnx, train, synthesise, predict_mels' 2>"$work/logs/imports.log" ||
  failed "imports: $(tail -n 1 "$work/logs/imports.log")"
rank=0
for _ in $(seq 1 "$n_per_gpu"); do
  for gpu in $(seq 0 "$last_gpu"); do
    synthesise "$gpu" $rank $((gpu < last_gpu ? data_s : first_data_s)) &
    rank=$((rank + 1))
  done
done
sleep $((first_data_s + 5))
for _ in $(seq 1 "$n_on_cpu"); do
  DEVICE=cpu synthesise "" $rank $((acoustic_s - 20)) &
  rank=$((rank + 1))
done
last_gpu_in_turn &
first_gpu_in_turn &
wait
date +"done %T"

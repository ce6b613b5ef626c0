#!/usr/bin/env bash
# What only hardware needs, beyond `cargo test --workspace`: the command line with its hardware
# commands, netlists, and the formal proofs. Installs its tools where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "hardware tools"
scripts/setup-hardware.sh

step "hardware: lints of the command line"
cargo clippy --package winterforge-cli --features hardware --all-targets --locked -- -D warnings

step "hardware: the command line and the simulated board"
# In one go, so that they share what they depend on.
cargo build --package winterforge-cli --package winterforge-sim --features winterforge-cli/hardware \
    --bin winterforge --example board --locked
built=${CARGO_TARGET_DIR:-target}/debug
winterforge() { "$built/winterforge" "$@"; }

step "hardware: simulations through the command line"
winterforge hw sim ntt --log-n 6 --lanes 4 --seed 1 --backpressure 0.3 --json
winterforge hw sim accelerator --log-n 9 --seed 1 --backpressure 0.3 --json
winterforge hw sim blake3 --seed 1 --backpressure 0.3 --json
winterforge hw sim merkle --log-n 6 --row-words 20 --seed 1 --backpressure 0.3 --json
winterforge hw sim merkle_poseidon2_3 --log-n 4 --row-words 20 --seed 1 --backpressure 0.3 --json

step "hardware: a proof on the simulated accelerator"
proofs=target/hardware-proofs
mkdir -p "$proofs"
model=testdata/models/mlp_bc
for hash in blake3 poseidon2; do
    for device in cpu sim dual:cpu,sim; do
        winterforge prove "$model/model.onnx" --input "$model/inputs.npz" --hash "$hash" --device "$device" \
            -o "$proofs/$hash-${device//[:,]/-}.wfp" --json
    done
    cmp "$proofs/$hash-cpu.wfp" "$proofs/$hash-sim.wfp"
    cmp "$proofs/$hash-cpu.wfp" "$proofs/$hash-dual-cpu-sim.wfp"
done

step "hardware: a simulated board that is unplugged in mid-proof"
# Proves with a board whose input ends, which pulls its plug, four seconds after it is there.
unplugged() {
    rm -f "$proofs/plug" "$proofs/port"
    mkfifo "$proofs/plug"
    "$built/examples/board" < "$proofs/plug" > "$proofs/port" &
    exec 9> "$proofs/plug"
    until [ -s "$proofs/port" ]; do sleep 0.1; done
    sleep 4 >&9 &
    exec 9>&-
    winterforge prove "$model/model.onnx" --input "$model/inputs.npz" --device "board:$(cat "$proofs/port")" \
        -o "$proofs/board.wfp" --json "$@"
}
unplugged --fallback cpu
cmp "$proofs/blake3-cpu.wfp" "$proofs/board.wfp"
rm "$proofs/board.wfp"
if unplugged; then
    echo "a proof without its board" >&2
    exit 1
fi
[ ! -e "$proofs/board.wfp" ]

step "hardware: results of place and route, of boards, of silicon and of coverage are those of the kernels"
scripts/place-and-route.py --check
scripts/floorplan.py --check
scripts/build-board.py --check-records
scripts/asic.py --check
scripts/coverage.py --check

step "hardware: reports"
winterforge hw report --json
winterforge hw report --asic osu018 --json

step "hardware: the smallest board's bitstream, the recorded one to the bit"
winterforge hw build --board icebreaker --check --json
scripts/build-board.py --board icebreaker --expect-record -o target/boards/icebreaker

step "hardware: netlists"
scripts/gate-level.py

step "hardware: formal proofs"
scripts/formal.py

"""What sharing a model out among processes gains; `training_savings.py` measures what else saves.

    python benchmarks/parallel.py [--processes 2] [--batch 512] [--steps 30] [--device cuda]

Trains a CTC recogniser on noise. Prints one JSON object a line: strips a second of one process, in the mean
over all of them at once, then of all by data, weights, heads and layers, with the share of the ideal
(efficiency: by data and weights each process has a batch of its own; by heads and layers they share one).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from foveal.models.encoders import EncoderSpec
from foveal.models.recogniser import Glancing
from foveal.train.ctc import ctc_loss
from foveal.train.parallel import by_data, by_heads, by_layers, by_weights, parameter_groups

CLASSES, WIDTH, CHARACTERS = 540, 256, 20
SPEC = EncoderSpec(stem=(64, 128, 256), convs=(2, 2), dim=384, depth=6, heads=8, norm="group")

Step = Callable[[], object]


def loss_of(logits: Tensor, ids: Tensor) -> Tensor:
    b, n, _ = logits.shape
    lengths = torch.full((b,), CHARACTERS, device=ids.device)
    columns = torch.full((b,), n, device=ids.device)
    return ctc_loss(logits.float().log_softmax(-1), ids, lengths, columns).mean()


def data(batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    ids = torch.randint(1, CLASSES, (batch, CHARACTERS), device=device)
    return torch.rand(batch, 3, 32, WIDTH, device=device), ids


def stepper(model: nn.Module, batch: int, device: torch.device, *, half: bool = True) -> Step:
    strips, ids = data(batch, device)
    optimiser = torch.optim.AdamW(parameter_groups(model), lr=1e-4)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            logits = model(strips)
        loss_of(logits, ids).backward()
        optimiser.step()

    return step


def piped(rank: int, processes: int, batch: int, device: torch.device) -> Step:
    strips, ids = data(batch, device)
    model = Glancing(SPEC, CLASSES).to(device)
    stage, schedule = by_layers(
        model, rank=rank, stages=processes, parts=4 * processes, device=device, loss=loss_of
    )
    optimiser = torch.optim.AdamW(stage.parameters(), lr=1e-4)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16):
            if rank == 0:
                schedule.step(strips)
            elif rank == processes - 1:
                schedule.step(target=ids, losses=[])
            else:
                schedule.step()
        optimiser.step()

    return step


def seconds(step: Step, steps: int, device: torch.device) -> float:
    """Return the mean seconds of a step after three to warm up."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    for _ in range(3):
        step()
    begin = now()
    for _ in range(steps):
        step()
    return (now() - begin) / steps


def average(value: float, device: torch.device) -> float:
    """Return the mean over all processes."""
    total = torch.tensor(value, device=device)
    dist.all_reduce(total)
    return float(total) / dist.get_world_size()


def told(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def one_of(rank: int, asked: argparse.Namespace, meeting: str) -> None:
    """Measure every way of sharing; the first process tells."""
    several, batch = asked.processes, asked.batch
    backend = "nccl" if asked.device == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=several)
    device = torch.device(asked.device, rank) if asked.device == "cuda" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    mesh = init_device_mesh(asked.device, (several,))

    def fresh() -> Glancing:
        return Glancing(SPEC, CLASSES).to(device)

    alone = average(batch / seconds(stepper(fresh(), batch, device), asked.steps, device), device)
    ways: dict[str, tuple[Callable[[], Step], int]] = {
        "data": (lambda: stepper(by_data(fresh(), device), batch, device), several),
        "weights": (lambda: stepper(by_weights(fresh(), mesh), batch, device), several),
        "heads": (lambda: stepper(by_heads(fresh(), mesh), batch, device), 1),
        "layers": (partial(piped, rank, several, batch, device), 1),
    }
    for name, (make, batches) in ways.items():
        rate = batches * batch / seconds(make(), asked.steps, device)
        if rank == 0:
            told(way=name, strips_s=round(rate), alone=round(alone), times=round(rate / alone, 3),
                 efficiency=round(rate / alone / several, 3))  # fmt: skip
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meet")
        torch.multiprocessing.spawn(one_of, (asked, meeting), asked.processes)


if __name__ == "__main__":
    main()

"""One of several processes: trains a model shared out in each way, and tells how far it is from one alone."""

import copy
import json
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from foveal.models.encoders import EncoderSpec
from foveal.models.recogniser import Glancing
from foveal.train.ctc import ctc_loss
from foveal.train.parallel import by_data, by_heads, by_layers, by_weights, local, whole

CLASSES, STEPS, BATCH = 7, 3, 4
CPU = torch.device("cpu")


def model() -> Glancing:
    torch.manual_seed(0)
    spec = EncoderSpec(stem=(4, 8, 8), dim=16, depth=2, heads=2, norm="group", position="rotary")
    return Glancing(spec, CLASSES)


def data() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.rand(STEPS, BATCH, 3, 32, 48), torch.randint(1, CLASSES, (STEPS, BATCH, 4))


def loss_of(logits: Tensor, ids: Tensor) -> Tensor:
    b, n, _ = logits.shape
    lengths, columns = torch.full((b,), ids.shape[1]), torch.full((b,), n)
    return ctc_loss(logits.log_softmax(-1), ids, lengths, columns).mean()


def learn(module: nn.Module, images: Tensor, ids: Tensor) -> None:
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3)
    for strips, texts in zip(images, ids, strict=True):
        optimiser.zero_grad()
        loss_of(module(strips), texts).backward()
        optimiser.step()


def apart(found: dict[str, Tensor], alone: nn.Module) -> float:
    wanted = alone.state_dict()
    return max(float((value.detach() - wanted[name]).abs().max()) for name, value in found.items())


def data_parallel(rank: int, alone: Glancing) -> float:
    images, ids = data()
    mine = slice(rank * 2, rank * 2 + 2)
    ours = by_data(model(), CPU)
    learn(ours, images[:, mine], ids[:, mine])
    return apart(ours.module.state_dict(), alone)


def sharded(rank: int, alone: Glancing) -> float:
    images, ids = data()
    mine = slice(rank * 2, rank * 2 + 2)
    ours = by_weights(model(), init_device_mesh("cpu", (2,)))
    learn(ours, images[:, mine], ids[:, mine])
    return apart(whole(ours.state_dict()), alone)


def tensor(_: int, alone: Glancing) -> float:
    images, ids = data()
    ours = by_heads(model(), init_device_mesh("cpu", (2,)))
    learn(ours, images, ids)
    return apart(whole(ours.state_dict()), alone)


def pipeline(rank: int, alone: Glancing) -> float:
    images, ids = data()
    ours = model()
    stage, schedule = by_layers(ours, rank=rank, stages=2, parts=2, device=CPU, loss=loss_of)
    optimiser = torch.optim.AdamW(stage.parameters(), lr=1e-3)
    for strips, texts in zip(images, ids, strict=True):
        optimiser.zero_grad()
        if rank == 0:
            schedule.step(strips)
        else:
            schedule.step(target=texts, losses=[])
        optimiser.step()
    mine = {name: p for name, p in ours.state_dict().items() if has(stage, ours, name)}
    return apart(mine, alone)


def has(stage: nn.Module, whole_model: nn.Module, name: str) -> bool:
    ids = {id(p) for p in stage.parameters()}
    return id(dict(whole_model.named_parameters()).get(name)) in ids


WAYS: dict[str, Callable[[int, Glancing], float]] = {
    "data": data_parallel,
    "weights": sharded,
    "heads": tensor,
    "layers": pipeline,
}


def both(rank: int, alone: Glancing) -> float:
    images, ids = data()
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("weights", "heads"))
    mine = slice(rank // 2 * 2, rank // 2 * 2 + 2)  # those that share heads read the same
    ours = by_weights(by_heads(model(), mesh["heads"]), mesh["weights"])
    query = dict(ours.named_parameters())["encoder.mixer.blocks.0.attention.query.weight"]
    assert 4 * local(query).numel() == query.numel()
    learn(ours, images[:, mine], ids[:, mine])
    return apart(whole(ours.state_dict()), alone)


FOUR: dict[str, Callable[[int, Glancing], float]] = {"weights and heads": both}


def compare(rank: int, folder: Path, world: int) -> None:
    """Write how far each way is from one process, as JSON by the rank."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=world)
    alone = model()
    learn(alone, *data())
    found: dict[str, float | str] = {"moved": apart(copy.deepcopy(model()).state_dict(), alone)}
    for name, way in (WAYS if world == 2 else FOUR).items():
        try:
            found[name] = way(rank, alone)
        except Exception:
            found[name] = traceback.format_exc()
            break
    (folder / f"{rank}.json").write_text(json.dumps(found), encoding="utf-8")
    dist.destroy_process_group()

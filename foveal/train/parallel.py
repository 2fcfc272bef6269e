"""One model on several processes: its data, its weights, its heads or its layers shared out among them.

Each of these gives, step for step, the numbers of one process on the whole batch; the tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import PipelineStage, ScheduleGPipe
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from foveal.attention import MultiHead, Position
from foveal.errors import ConfigError
from foveal.models.encoders import Mixing
from foveal.models.line import Block
from foveal.models.recogniser import Glancing


def by_data(model: nn.Module, device: torch.device) -> DistributedDataParallel:
    """Return the model with gradients averaged over processes, each of which reads its own part of a batch.

    (Li et al., 2020.) Memory as on one; a step waits for one all-reduce of the gradients, which runs beside
    the backward pass. Every parameter must take part in every step.
    """
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids, gradient_as_bucket_view=True, static_graph=True)


def by_weights(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Shard parameters, gradients and the optimiser's state over the mesh, block by block, in place.

    (FSDP2, after Zhao et al., 2023.) Each process reads its own part of a batch. Memory of weights falls with
    the number of processes; every block is gathered before it is used, forward and backward.
    """
    for module in model.modules():
        if isinstance(module, Block):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def by_heads(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Share out the heads and the hidden units of every encoder block over the mesh, in place.

    (Shoeybi et al., 2019.) Queries, keys, values and the first layer of the perceptron are cut by columns,
    what follows them by rows: two all-reduces a block, forward and backward. Every process reads the whole
    batch. Raises ConfigError where heads cannot be shared out, or share parameters.
    """
    for module in model.modules():
        if isinstance(module, Block):
            _share_heads(module.attention, mesh.size())
            plan = {
                **{f"attention.{name}": ColwiseParallel() for name in ("query", "key", "value")},
                "attention.out": RowwiseParallel(),
                "mlp.0": ColwiseParallel(),
                "mlp.2": RowwiseParallel(),
            }
            parallelize_module(module, mesh, plan)
    return model


def _share_heads(attention: MultiHead, among: int) -> None:
    if attention.key_heads % among:
        raise ConfigError(f"{attention.key_heads} heads cannot be shared out among {among} processes")
    shared = [*attention.mechanism.parameters(), *attention.position.parameters()]
    if shared or type(attention.position).bias is not Position.bias:
        raise ConfigError(
            "a mechanism or position with parameters or a bias for each head cannot be shared out",
            remedy="choose scaled_dot with no position, rotary or sinusoid",
        )
    attention.heads //= among
    attention.key_heads //= among


def parameter_groups(model: nn.Module) -> list[dict[str, list[nn.Parameter]]]:
    """Return the parameters for an optimiser, those that are shared out apart from those that are not.

    Optimisers update all parameters of a group in one call, which takes no mixture of both.
    """
    shared: list[nn.Parameter] = [p for p in model.parameters() if isinstance(p, DTensor)]
    own = [p for p in model.parameters() if not isinstance(p, DTensor)]
    return [{"params": some} for some in (shared, own) if some]


def whole(model: nn.Module) -> dict[str, Tensor]:
    """Return the model's state with every shard gathered, on every process: what a checkpoint holds."""
    state = model.state_dict()
    return {name: v.full_tensor() if isinstance(v, DTensor) else v for name, v in state.items()}


class Stage(nn.Module):
    """A part of a CTC recogniser's layers, from `first` up to `last` of its blocks; ends included."""

    def __init__(self, model: Glancing, first: int, last: int) -> None:
        super().__init__()
        mixing = model.encoder.mixer
        if not isinstance(mixing, Mixing):
            raise ConfigError("only an encoder of blocks can be cut into stages", remedy='mixer = "blocks"')
        self.trunk = model.encoder.trunk if first == 0 else None
        self.blocks = nn.ModuleDict({str(n): mixing.blocks[n] for n in range(first, last)})
        ends = last == len(mixing.blocks)
        self.end = nn.Sequential(model.norm, model.read) if ends else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the grid after these layers, or logits after the last. x: strips, or the grid so far."""
        if self.trunk is not None:
            x = self.trunk(x, None)
        for block in self.blocks.values():
            x = block(x, None)
        out: Tensor = self.end(x)
        return out.contiguous()  # what is sent must be


def by_layers(
    model: Glancing,
    *,
    rank: int,
    stages: int,
    parts: int,
    device: torch.device,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Stage, ScheduleGPipe]:
    """Return the stage of one process, and the schedule that moves `parts` micro-batches through all stages.

    (GPipe, Huang et al., 2019.) The first process gives `schedule.step(strips)`, the last
    `schedule.step(target=…, losses=[])`, others `schedule.step()`; strips are of one width, without padding.
    loss: of logits and targets, a mean over a micro-batch. Idle time: (stages − 1) / (parts + stages − 1).
    """
    mixing = model.encoder.mixer
    assert isinstance(mixing, Mixing)
    edges = [round(index * len(mixing.blocks) / stages) for index in range(stages + 1)]
    stage = Stage(model, edges[rank], edges[rank + 1]).to(device)
    placed = PipelineStage(stage, rank, stages, device)
    return stage, ScheduleGPipe(placed, n_microbatches=parts, loss_fn=loss)

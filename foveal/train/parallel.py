"""One model on several processes: its data, its weights, its heads or its layers shared out among them.

Each of these gives, step for step, the numbers of one process on the whole batch; the tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.pipelining import PipelineStage, ScheduleGPipe
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import get_total_norm
from torch.utils.checkpoint import checkpoint

from foveal.attention import Position
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
    for name in ("glance", "fixate"):  # which a model that fixates is asked one after the other
        if hasattr(model, name):
            register_fsdp_forward_method(model, name)
    return model


def by_heads(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Share out the heads and the hidden units of every encoder block over the mesh, in place.

    (Shoeybi et al., 2019.) Queries, keys, values and the first layer of the perceptron are cut by columns,
    what follows them by rows: two all-reduces a block, forward and backward. Every process reads the whole
    batch. Raises ConfigError where heads cannot be shared out, or share parameters.
    """
    check_heads(model, mesh.size())
    for block in _blocks(model):
        block.attention.heads //= mesh.size()
        block.attention.key_heads //= mesh.size()
        plan = {
            **{f"attention.{name}": ColwiseParallel() for name in ("query", "key", "value")},
            "attention.out": RowwiseParallel(),
            "mlp.0": ColwiseParallel(),
            "mlp.2": RowwiseParallel(),
        }
        parallelize_module(block, mesh, plan)
    return model


def _blocks(model: nn.Module) -> list[Block]:
    return [module for module in model.modules() if isinstance(module, Block)]


def check_heads(model: nn.Module, among: int) -> None:
    """Raise ConfigError where the heads of a model cannot be shared out among so many processes."""
    blocks = _blocks(model)
    if not blocks:
        raise ConfigError("an encoder without blocks has no heads", remedy='choose mixer = "blocks"')
    for attention in (block.attention for block in blocks):
        if attention.key_heads % among:
            raise ConfigError(
                f"{attention.key_heads} heads cannot be shared out among {among} processes",
                remedy="give a number of devices that divides encoder.heads",
            )
        shared = [*attention.mechanism.parameters(), *attention.position.parameters()]
        if shared or type(attention.position).bias is not Position.bias:
            raise ConfigError(
                "a mechanism or position with parameters or a bias for each head cannot be shared out",
                remedy="choose scaled_dot with no position, rotary or sinusoid",
            )


def parameter_groups(model: nn.Module) -> list[dict[str, list[nn.Parameter]]]:
    """Return the parameters for an optimiser, those that are shared out apart from those that are not.

    Optimisers update all parameters of a group in one call, which takes no mixture of both.
    """
    shared: list[nn.Parameter] = [p for p in model.parameters() if isinstance(p, DTensor)]
    own = [p for p in model.parameters() if not isinstance(p, DTensor)]
    return [{"params": some} for some in (shared, own) if some]


def whole(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with every shard gathered, on every process: what a checkpoint holds."""
    return {name: v.full_tensor() if isinstance(v, DTensor) else v for name, v in state.items()}


def local(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor: its memory, not a copy."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def shared_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return a whole tensor, shared out as a parameter of its shape is; others are returned as they are."""
    if isinstance(parameter, DTensor) and tensor.shape == parameter.shape:
        return distribute_tensor(tensor, parameter.device_mesh, parameter.placements)
    return tensor


@torch.no_grad()
def clip(parameters: Iterable[nn.Parameter], longest: float) -> None:
    """Shorten the gradient of all parameters to `longest`, each shard counted once."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    groups: dict[DeviceMesh | None, list[Tensor]] = {}
    for gradient in gradients:
        mesh = gradient.device_mesh if isinstance(gradient, DTensor) else None
        groups.setdefault(mesh, []).append(gradient)
    lengths = whole({str(n): get_total_norm(own) for n, own in enumerate(groups.values())})
    length = torch.stack(list(lengths.values())).norm()
    for gradient in gradients:
        local(gradient).mul_((longest / (length + 1e-6)).clamp(max=1))


def average_gradients(parameters: Iterable[nn.Parameter], mesh: DeviceMesh) -> None:
    """Average the gradients of parameters that every process holds whole, where each read its own part."""
    for parameter in parameters:
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad, group=mesh.get_group())
            parameter.grad /= mesh.size()


class Stage(nn.Module):
    """A part of a CTC recogniser's layers, from `first` up to `last` of its blocks; ends included."""

    def __init__(self, model: Glancing, first: int, last: int) -> None:
        super().__init__()
        mixing = model.encoder.mixer
        if not isinstance(mixing, Mixing):
            raise ConfigError("only an encoder of blocks can be cut into stages", remedy='mixer = "blocks"')
        self.rectify = model.encoder.rectify if first == 0 else None
        self.trunk = model.encoder.trunk if first == 0 else None
        self.recompute = mixing.recompute
        self.blocks = nn.ModuleDict({str(n): mixing.blocks[n] for n in range(first, last)})
        ends = last == len(mixing.blocks)
        self.end = nn.Sequential(model.norm, model.read) if ends else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the grid after these layers, or logits after the last. x: strips, or the grid so far."""
        if self.rectify is not None:
            x = self.rectify(x)
        if self.trunk is not None:
            x = self.trunk(x, None)
        for block in self.blocks.values():
            if self.recompute and self.training:
                x = checkpoint(block, x, None, use_reentrant=False)
            else:
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

"""Family ``resnet``: the article's ResNet on bead tiles, trained with lightning.

Member ``m`` holds out split ``m mod k`` to stop by, so together the members predict every tile that
some of them have not seen. A member that is finished lies in the checkpoint folder; one that was
interrupted resumes from its last checkpoint.

References
----------
Chalfoun et al. 2024, "Training", "Augmentation", "Hyper-parameters optimization".
"""

import logging
import warnings
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from monai.networks.nets import resnet18, resnet50, resnet101
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from refp.arrays import FloatArray, IntArray
from refp.models.augment import augment
from refp.models.ensemble import Predictions
from refp.models.export import to_onnx
from refp.models.family import Trained, TrainingJob
from refp.models.normalise import normalise_tiles
from refp.models.settings import ResnetSettings
from refp.tiles.tiles import Split

NETWORKS = {18: resnet18, 50: resnet50, 101: resnet101}
PREDICT_BATCH = 256


class ResnetMember(lightning.LightningModule):
    """One network: tiles in, dZ in units of the label scale out."""

    def __init__(self, settings: ResnetSettings, dz_scale: float) -> None:
        super().__init__()
        self.settings = settings
        self.dz_scale = dz_scale
        self.network: nn.Module = NETWORKS[settings.depth](
            spatial_dims=2, n_input_channels=1, num_classes=1, conv1_t_stride=2
        )

    def forward(self, tiles: Tensor) -> Tensor:
        """Predict scaled dZ, shape ``(n,)``, of normalised tiles ``(n, side, side)``."""
        predicted: Tensor = self.network(tiles.unsqueeze(1)).squeeze(1)
        return predicted

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:  # noqa: ARG002
        """Return the mean squared error of an augmented batch."""
        tiles, dz = batch
        return nn.functional.mse_loss(self(augment(tiles, self.settings)), dz)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:  # noqa: ARG002
        """Log the RMS error in um."""
        tiles, dz = batch
        mse = nn.functional.mse_loss(self(tiles), dz)
        self.log("validation_mse_um2", mse * self.dz_scale**2, batch_size=len(dz))

    def configure_optimizers(self) -> dict[str, object]:
        """Return Adam with the article's step schedule."""
        optimizer = torch.optim.Adam(
            self.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.StepLR(
            optimizer, self.settings.drop_epochs, self.settings.drop_factor
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "epoch"},
        }


class StackedMembers(nn.Module):
    """All members in one graph: normalised tiles ``(n, 1, side, side)`` to ``(members, n)`` um."""

    def __init__(self, members: list[ResnetMember]) -> None:
        super().__init__()
        self.networks = nn.ModuleList([member.network for member in members])
        self.dz_scale = members[0].dz_scale

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation; this family states none (NaN)."""
        mean = torch.stack([network(tiles).squeeze(1) for network in self.networks])
        mean = mean * self.dz_scale
        return mean, torch.full_like(mean, float("nan"))


class _Steps(Callback):
    """Tells our progress how many steps are done."""

    def __init__(self, job: TrainingJob, title: str, total: int) -> None:
        self._job, self._title, self._total = job, title, total

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: object) -> None:  # noqa: ARG002
        self._job.progress(self._title, trainer.global_step, self._total)


class ResnetFamily:
    """See the module's text."""

    sees_pixels = True

    def __init__(self, settings: ResnetSettings) -> None:
        self._settings = settings

    def train(self, job: TrainingJob) -> Trained:
        """Train all members, one after another, resuming what lies in the checkpoint folder."""
        settings = self._settings
        tiles = job.tiles
        pixels = torch.tensor(normalise_tiles(tiles.pixels, tiles.light, settings.normalisation))
        scale = float(np.abs(tiles.dz_um).max())
        dz = torch.tensor(tiles.dz_um / scale, dtype=torch.float32)
        data = TensorDataset(pixels, dz)
        members: list[ResnetMember] = []
        held_out = np.full((settings.members, len(tiles)), np.nan)
        for m in range(settings.members):
            split = job.splits[m % len(job.splits)]
            member = self._train_member(job, data, split, scale, m)
            held_out[m, split.held_out] = predict(member, pixels[split.held_out]) * scale
            members.append(member)
        graph = to_onnx(StackedMembers(members).eval(), pixels[:2].unsqueeze(1))
        nothing = np.full_like(held_out, np.nan)
        return Trained(graph, settings.members, Predictions(held_out, nothing))

    def _train_member(
        self, job: TrainingJob, data: TensorDataset, split: Split, scale: float, m: int
    ) -> ResnetMember:
        folder = job.checkpoints / f"member-{m:02d}"
        best = ModelCheckpoint(folder, "best", monitor="validation_mse_um2", save_top_k=1)
        last = ModelCheckpoint(folder, "last", every_n_train_steps=self._save_every())
        with warnings.catch_warnings(), torch.random.fork_rng():
            # Hints on workers and checkpoint folders; nothing that a user can act on.
            warnings.simplefilter("ignore")
            logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
            torch.manual_seed(job.seed + m)
            member = ResnetMember(self._settings, scale)
            trainer = self._trainer(
                job, [best, last], f"member {m + 1} of {self._settings.members}"
            )
            trainer.fit(member, *self._loaders(data, split), ckpt_path=_latest(folder))
        kept = Path(best.best_model_path or folder / "best.ckpt")
        if kept.is_file():
            state = torch.load(kept, weights_only=True, map_location="cpu")["state_dict"]
            member.load_state_dict(state)
        return member.eval().cpu()

    def _save_every(self) -> int:
        return max(1, min(self._settings.validate_steps, 250))

    def _trainer(
        self, job: TrainingJob, callbacks: list[Callback], title: str
    ) -> lightning.Trainer:
        settings = self._settings
        stop = EarlyStopping("validation_mse_um2", patience=settings.patience)
        return lightning.Trainer(
            max_steps=settings.max_steps,
            max_epochs=-1,
            val_check_interval=min(settings.validate_steps, settings.max_steps),
            check_val_every_n_epoch=None,
            callbacks=[*callbacks, stop, _Steps(job, title, settings.max_steps)],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )

    def _loaders(
        self, data: TensorDataset, split: Split
    ) -> tuple[DataLoader[tuple[Tensor, ...]], DataLoader[tuple[Tensor, ...]]]:
        def subset(rows: IntArray) -> TensorDataset:
            return TensorDataset(*(tensor[torch.as_tensor(rows)] for tensor in data.tensors))

        train = DataLoader(subset(split.train), self._settings.batch, shuffle=True, drop_last=True)
        return train, DataLoader(subset(split.held_out), PREDICT_BATCH)


def predict(member: ResnetMember, tiles: Tensor) -> FloatArray:
    """Predict scaled dZ in batches."""
    with torch.no_grad():
        return torch.cat([member(part) for part in torch.split(tiles, PREDICT_BATCH)]).numpy()


def _latest(folder: Path) -> str | None:
    """Return the newest checkpoint to resume from."""
    candidates = sorted(folder.glob("last*.ckpt"), key=lambda file: file.stat().st_mtime)
    return str(candidates[-1]) if candidates else None

from .estimates import estimate_images as estimate_images
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate_model as evaluate_model
from .labels import known_frames as known_frames
from .planes import Planes as Planes
from .planes import define_planes as define_planes
from .planes import define_planes_of_all as define_planes_of_all
from .training import run_training as run_training
from .training import train_model as train_model
from .tuning import tune_model as tune_model

__all__ = [
    "Evaluation",
    "Planes",
    "define_planes",
    "define_planes_of_all",
    "estimate_images",
    "evaluate_model",
    "known_frames",
    "run_training",
    "train_model",
    "tune_model",
]

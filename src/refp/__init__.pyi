from .estimate.estimator import Estimator as Estimator
from .models import load_model as load_model
from .models import save_model as save_model
from .pipeline import define_planes as define_planes
from .pipeline import evaluate_model as evaluate_model
from .pipeline import train_model as train_model
from .settings import load_recipe as load_recipe
from .sweeps import list_images as list_images
from .sweeps import open_dataset as open_dataset
from .synthetic import simulate_dataset as simulate_dataset

__all__ = [
    "Estimator",
    "define_planes",
    "evaluate_model",
    "list_images",
    "load_model",
    "load_recipe",
    "open_dataset",
    "save_model",
    "simulate_dataset",
    "train_model",
]

"""Models that predict dZ of a bead: three families behind one Protocol, and the model file.

Main types are :class:`Ensemble` and :class:`ModelCard`. Importing this package imports no
deep-learning library; training a network does.
"""

from refp.models.card import (
    Adaptation,
    BeadInputs,
    Calibration,
    Ensemble,
    ModelCard,
    Predictions,
    Predictor,
)
from refp.models.family import Family, LearningCurve, Trained, TrainingJob, Watch, ignore_curve
from refp.models.file import load_model, save_model
from refp.models.lookup import Lookup, Match, NoLookup, make_lookup
from refp.models.registry import (
    TRAINING_LIBRARIES,
    check_libraries,
    check_search,
    inputs_of,
    make_family,
    make_predictor,
    match_held_out,
    search_settings,
    stack_of,
    training_device,
)
from refp.models.training.trials import (
    STUDY_FILE,
    PrunerName,
    SamplerName,
    SearchPlan,
    TrialResult,
    best_of,
    steps_of,
    with_values,
)

__all__ = [
    "STUDY_FILE",
    "TRAINING_LIBRARIES",
    "Adaptation",
    "BeadInputs",
    "Calibration",
    "Ensemble",
    "Family",
    "LearningCurve",
    "Lookup",
    "Match",
    "ModelCard",
    "NoLookup",
    "Predictions",
    "Predictor",
    "PrunerName",
    "SamplerName",
    "SearchPlan",
    "Trained",
    "TrainingJob",
    "TrialResult",
    "Watch",
    "best_of",
    "check_libraries",
    "check_search",
    "ignore_curve",
    "inputs_of",
    "load_model",
    "make_family",
    "make_lookup",
    "make_predictor",
    "match_held_out",
    "save_model",
    "search_settings",
    "stack_of",
    "steps_of",
    "training_device",
    "with_values",
]

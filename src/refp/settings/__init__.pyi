from .apparatus import Camera as Camera
from .apparatus import Illumination as Illumination
from .apparatus import Objective as Objective
from .apparatus import Sample as Sample
from .base import Settings as Settings
from .base import one_line as one_line
from .estimates import EstimateSettings as EstimateSettings
from .features import FeatureSettings as FeatureSettings
from .finding import FindSettings as FindSettings
from .identity import Identity as Identity
from .identity import join_identities as join_identities
from .instrument import OF_ONE_KIND as OF_ONE_KIND
from .instrument import Instrument as Instrument
from .instrument import Optics as Optics
from .instrument import ReferenceBead as ReferenceBead
from .instrument import Stage as Stage
from .instrument import instrument_names as instrument_names
from .instrument import is_alike as is_alike
from .instrument import load_toml as load_toml
from .instrument import make_instrument as make_instrument
from .instrument import read_instrument as read_instrument
from .plane import FeatureChoice as FeatureChoice
from .plane import PlaneSettings as PlaneSettings
from .profiles import JudgeSettings as JudgeSettings
from .profiles import ProfileSettings as ProfileSettings
from .publication import PublicationSettings as PublicationSettings
from .recipe import Recipe as Recipe
from .recipe import load_recipe as load_recipe
from .recipe import recipe_names as recipe_names
from .refocus import RefocusSettings as RefocusSettings
from .tiles import LabelSettings as LabelSettings
from .tiles import SplitSettings as SplitSettings
from .tiles import TileSettings as TileSettings
from .training import FamilyName as FamilyName
from .training import LookupSettings as LookupSettings
from .training import Normalisation as Normalisation
from .training import ProfileNetSettings as ProfileNetSettings
from .training import ResnetSettings as ResnetSettings
from .training import TrainSettings as TrainSettings

__all__ = [
    "OF_ONE_KIND",
    "Camera",
    "EstimateSettings",
    "FamilyName",
    "FeatureChoice",
    "FeatureSettings",
    "FindSettings",
    "Identity",
    "Illumination",
    "Instrument",
    "JudgeSettings",
    "LabelSettings",
    "LookupSettings",
    "Normalisation",
    "Objective",
    "Optics",
    "PlaneSettings",
    "ProfileNetSettings",
    "ProfileSettings",
    "PublicationSettings",
    "Recipe",
    "ReferenceBead",
    "RefocusSettings",
    "ResnetSettings",
    "Sample",
    "Settings",
    "SplitSettings",
    "Stage",
    "TileSettings",
    "TrainSettings",
    "instrument_names",
    "is_alike",
    "join_identities",
    "load_recipe",
    "load_toml",
    "make_instrument",
    "one_line",
    "read_instrument",
    "recipe_names",
]

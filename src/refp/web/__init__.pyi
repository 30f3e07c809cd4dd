from .app import create_app as create_app
from .client import ApiError as ApiError
from .client import Client as Client
from .settings import Limits as Limits
from .settings import WebSettings as WebSettings

__all__ = ["ApiError", "Client", "Limits", "WebSettings", "create_app"]

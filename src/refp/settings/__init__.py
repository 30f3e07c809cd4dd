"""Settings of the method (:class:`Recipe`) and of the instrument (:class:`Instrument`).

Settings are frozen pydantic models that refuse unknown keys. All other subpackages may import them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Every setting of the method and of the instrument: hands on :class:`Recipe` and :class:`Instrument`.

Settings are frozen pydantic models that refuse unknown keys. They lie below all rooms that read them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

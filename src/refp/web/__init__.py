"""Pages and HTTP API with the functions of the command line: :func:`create_app`.

The server process handles requests; worker processes (:mod:`refp.web.workers.estimates`) decode and
estimate images. Only workers load the science libraries.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

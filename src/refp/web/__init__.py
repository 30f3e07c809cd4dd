"""Pages and HTTP API on the same code paths as the command line: :func:`create_app`.

The server's process takes requests and answers them; images are decoded and estimated in worker
processes (:mod:`refp.web.workers.estimates`), the only ones that load the science libraries.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

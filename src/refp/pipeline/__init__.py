r"""The whole method on one screen.

::

    open_dataset -> measure_dataset -> define_planes            define the REFP
                          \-> label, split -> train_model       train
    list_images  -> measure_frame -> estimate_images            one image -> dZ
                                 \-> evaluate_model             errors against known dZ
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

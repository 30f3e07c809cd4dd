"""Measurement of the beads of frames.

:mod:`.beads` finds them, :mod:`.profiles` fits their radial profiles, :mod:`.features` measures two
features of each profile; :mod:`.dataset` measures all frames of a data set.
"""

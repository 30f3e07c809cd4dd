"""Frames to measured beads.

:mod:`.beads` finds them, :mod:`.profiles` fits their radial profiles, :mod:`.features` reads two
numbers off each profile; :mod:`.dataset` does so for all frames of a data set.
"""

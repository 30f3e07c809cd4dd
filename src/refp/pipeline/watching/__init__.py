"""Watch a folder: images are estimated as they appear, recorded in the history, and reported.

Changes of the folder (:mod:`changes`, :mod:`listing`) go into a table of files that are not at rest
(:mod:`settling`, :mod:`folder`); a file at rest is opened (:mod:`opening`), estimated and recorded
(:mod:`answering`), and reported (:mod:`watch`, :mod:`alerts`). A record's id is a function of path, page
and content, so that the history itself shows which images are answered; :mod:`seen` only saves reading
old files again.
"""

"""Long work that the server does for people, one job after another, in a process of its own.

``runner`` keeps the queue in the server's process; ``run`` is the work of a job's process, on the same
functions as the command line; ``data`` opens the data sets of a job. The types are in
:mod:`refp.web.job`. Requests and outcomes are kept in a database (:mod:`refp.web.workers.job_log`), so that
nothing is lost or doubled when the server is stopped.
"""

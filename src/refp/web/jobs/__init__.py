"""Jobs: long work of the server, one at a time, each in its own process.

``runner`` holds the queue in the server process; ``run`` is the code of the job process and uses the
functions of the command line; ``data`` opens the data sets of a job. :mod:`refp.web.job` has the types. A
database stores requests and results (:mod:`refp.web.workers.job_log`), so that a restart of the server
neither loses nor repeats a job.
"""

"""Long work that the server does for people, one job after another, in a process of its own.

``job`` is what a job is; ``runner`` keeps the queue in the server's process; ``run`` is what a job's
process does, on the same functions as the command line; ``log`` keeps what was asked for and what
became of it in the database, so that nothing is lost or doubled when the server is stopped.
"""

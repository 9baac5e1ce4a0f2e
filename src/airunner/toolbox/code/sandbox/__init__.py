"""Runs Python that a model wrote, with nothing of this machine in reach.

The code is executed by ``pydantic-monty``, an interpreter that has no files, network
or processes of its own, and that ``worker`` drives in a process apart with an empty
environment, an empty folder and the limits of ``limits``. ``script`` is the way in.
"""

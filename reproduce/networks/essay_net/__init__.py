"""The essay's net on the CPU, compiled: its evaluation and its training step.

`reference` is the same net and the same step in plain PyTorch. Read it first. `docs/speed.md` says
what compiling gains.

A compiled function uses functions and constants of its own file alone. numba's cache on disk
notices a change in the file of the function that Python calls, and in no other file.
"""

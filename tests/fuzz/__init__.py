"""Fuzzing of what takes strangers' bytes: the loader, and the maps of the views.

`targets` has a function for each, from bytes; `corpus` the inputs that fuzzing begins with, and every one
that broke something; `mutations` makes damaged files of every format. ``python -m tests.fuzz load
--seconds 60`` goes on from the corpus with atheris.
"""

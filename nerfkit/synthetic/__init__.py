"""Made captures: path-traced photos of a described place, in the layout of a scene folder, with exact truth.

A `SceneDescription` (description.py) is plain data and names every thing in the place. `families.py` draws
descriptions from a seed, `capture.py` renders them, `python -m nerfkit.synthetic` is the command.
World frame: metres, z up, the table top at z = 0, the first camera azimuth looking along +y.
Mitsuba is a development dependency and is imported only when something is rendered.
"""

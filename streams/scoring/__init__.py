"""What `homebeat score` computes: `records` (alerts and labels), `card` (figures and chance), `groups` (by a field).

`comparators`: published rules to be held against homebeat on the same data.

Pure; files and text are `streams.score`.
"""

"""What `homebeat score` computes: `records` (alerts and labels), `card` (figures and chance), `groups` (by a field).

Pure; files and text are `streams.score`.
"""

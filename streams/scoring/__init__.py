"""What `homebeat score` computes: `records` (alerts and labels), `tally` (one patient's sums, and chance), `card` (the
figures), `deciles` (whether all have the same rate), `groups` and `people` (by a field), `worst` (the group that counts).

`comparators`: published rules to be held against homebeat on the same data.

Pure; files and text are `streams.score`.
"""

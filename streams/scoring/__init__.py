"""What `homebeat score` computes: `records` (alerts and labels), `tally` (one patient's sums, and chance), `card` (the
figures), `deciles` (whether all have the same rate), `groups` and `people` (by a field), `worst` (the group that
counts), `gate` (whether it is worse off than is allowed), `versus` (one rule against another), `clocks` (times of
readings that can be); `score`: all of it over files.

`comparators`: published rules to be held against homebeat on the same data. `datasets`: public data sets of real people
in the words of the contract. But for the readers of these two, pure; files and text are `streams.scoring.score`.
"""

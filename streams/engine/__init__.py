"""The step from a slice of the log to its effects: no I/O, no clock.

- `log`: a slice of one partition, as columns
- `intake`: decode, key, patient, consent, units, plausibility, clock, duplicates: what is decided, and what is refused
- `state`, `pages`: what a partition remembers, and its form in the changelog
- `rows`: the numbers of one (patient, vital)
- `judge`: floors, windows, baselines, deviations: findings
- `step`: all of it in log order, with control records and the episode ledger
"""

"""What departs from what is expected: one detector a file, each with its source.

- `floors`: limits that hold for everyone, and `crossings` of them by raw readings (`device_runs`: each device's own);
  `habits`: those that leave the word to a condition's own rules
- `deviation`: a vital away from the patient's own band; `drift`: its last week away from the level of before
  (`worn`: of nights, or of days);
  `change_index`: several vitals together
- `condition` (`watched`, `days`, `measures`, `moment`): the rules of conditions, on single readings and over days
- `forecast`: low glucose foretold; `news2`: the early warning score, with bounds for missing parts
- `silence`, `device_clock`, `sensor`, `household`: devices that no longer send, whose clock is wrong, whose readings
  cannot be right, or are somebody else's
"""

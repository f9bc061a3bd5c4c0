"""The step from a slice of the log to its effects: no I/O, no clock.

- `log`: a slice of one partition, as columns
- `intake` (`decode`, `columns`, `devices`: their names, `duplicates` with its `rings`; `problems` of readings
  by themselves, and their words): what is decided, what is refused, and why
- `state` (`rows`: numbers of a patient and of a vital; `people`: the rest; `profiles`: those at hand), `pages`
  (`forms`, `holes`, `placing`): what a partition remembers, and its stored form
- `relearning`: what a profile says has changed, and what was learned before; `versions`: what is found out anew with it
- `origins`: which control records have been applied, so that none is done twice; `departed`: who was forgotten
- `clock`, `zones`: a patient's time, and the patient's local time; `courses`: what passes in them on a local day
- `samples`, `raw`: single samples against the safety floors
- `faults`, `sensors`: samples that a sensor's fault has spoilt, and what is remembered of it
- `late`: windows gathered again from what came late, and deviations of the past
- `gathering`: samples into their windows, and the windows that close; `closing`: those against the patient's own
  baseline (`unjudged`: but vitals that a condition makes meaningless); `signals`: what the floors and the baseline say;
  `sample_signals`: what single samples give cause to say
- `foretelling` (`forecasts`): low glucose, on single samples; `scales`: on which a vital is compared
- `outside`: which vitals stand outside their patients' own bands
- `weeks`, `drifting`: what changes slowly: a week of a vital against its own level, and several vitals together
- `conditions` (`ruled`): the alert rules of patients' conditions, on single readings and on days
- `links`: when what came last from which device; `silences` (`watching`, `vigil`): who is silent, whose clock is wrong;
  `notices`: what is said about that; `newcomers`: which device is new
- `care`: from signals to findings and the episode ledger; `evidence`: what an alert is told with; `agenda`: what time
  alone brings to the ledger, and at which tick
- `step`: all of it in log order, with control records; `pieces`: how it pauses where it may take long
- `sources`, `tallies`, `counting`: what comes of each source by the minute, and which of them are in trouble
- `standing`: how things stand, for people who watch
"""

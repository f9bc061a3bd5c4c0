"""What is known about a patient, as pure arithmetic and schemas: no Kafka, no clock, no environment.

Read in the order the data flows:

- `readings`: the wire records, and every reason for which one is refused; `mending`: what to send instead
- `fhir` (shapes in `observation`): FHIR R4 Observation in
- `vitals`, `units` (`unit_table.json`, `unit_limits`; `ucum`, the library behind it): the catalogue of vitals and the
  table of linear unit conversions
- `profile` (fields in `profile_fields`, codes in `terminology`): the patient's document
- `evidence`: the cited clinical figures, as data; `forms`: what may stand in each of its files; `checked`: whether they
  fit together (`checked_names`: every name is known; `checked_figures`: every figure is possible)
- `expectation`: what is normal for someone with this profile, from `prior` moved by `effects` (`situation` is the
  profile on a day, `moves` and `draft` carry the named modifiers) along the course of a disease (`trajectory`)
- `times`, `segments`: integers for time, and arithmetic on stretches of sorted arrays
- `windows`: readings gathered in event time
- `baseline`: what is normal for this patient, learned (`pool`: records that only some rows need); `changes`: what a new
  version of a profile means for that
- `detectors`: what departs from it; `budget`, `budget_acute`: how far, so that false alerts are as rare for everybody
- `rules`: the alert rules of conditions, as data; `scope`: whom one is for; `targets`: what a prescribed range moves
- `findings`: what a detector says
- `phrases`, `wording`: text that people read, made so that it can be said in another language
"""

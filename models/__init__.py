"""What is known about a patient, as pure arithmetic and schemas: no Kafka, no clock, no environment.

Read in the order the data flows:

- `readings`: the wire records, and every reason for which one is refused
- `fhir`: FHIR R4 Observation in
- `vitals`, `units`: the catalogue of vitals and the table of linear unit conversions
- `profile`: the patient's document (age, conditions, drugs, genes, targets, consent)
- `evidence`: the cited clinical figures, as data
- `expectation`: what is normal for someone with this profile
- `windows`: readings gathered in event time
- `baseline`: what is normal for this patient, learned
- `detectors`: what departs from it
- `findings`: what a detector says
"""

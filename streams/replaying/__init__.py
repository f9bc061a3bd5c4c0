"""The same engine over files, with no broker.

- `replay`: what would have been decided, and what was
- `arrivals`: records of files in the order of their arrival; `fhir_times`: the time of an Observation
- `sources`: the watch over sources, told from what the files hold
"""

"""Sources of readings, which are integrations and sites: which of them is quiet or failing.

- `reports`: minutes of sources on the wire, as workers tell them
- `flow`: whether readings flow as they usually do at this hour; `refusals`: whether they are suddenly refused
- `watch`: from the minutes of all partitions to what changes
"""

"""What the care team is told.

Pure, like `models`: `events` (the records), `episodes` (the life cycle, one table), `ledger` (findings and actions
become steps in it), `explain`, `technical` and `sources` (the words: of patients, devices, integrations). The outside
world of alerts has its own rooms: `channels` (senders) and `desk` (the web page).
"""

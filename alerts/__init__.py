"""What the care team is told.

Pure, like `models`: `events` (the records), `episodes` (the life cycle, one table), `ledger` (findings and actions
become steps in it), `explain` and `technical` (the words, of patients and of devices). The outside world of alerts has
its own rooms: `channels` (senders) and `desk` (the web page).
"""

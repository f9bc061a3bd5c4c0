"""What the care team is told.

Pure, like `models`: `events` (the records), `episodes` (the life cycle, one table), `policy` (who is told and why),
`explain` (the words). The outside world of alerts has its own rooms: `channels` (senders) and `desk` (the web page).
"""

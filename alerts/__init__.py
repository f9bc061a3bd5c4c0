"""What the care team is told.

Pure, like `models`: `events` (the records), `episodes` (the life cycle, one table), `ledger` (findings, as `raised`
describes them, actions and time become steps in it), `calm` (how long what is well again has to stay so), `outcome`
(what a step leaves on its episode), `policy` (who is told of a step, when, and why: a list of stages), `unanswered`
(the end of a chain), `assigning` (to whom an alert was given), `links` (to acknowledge by a message), `telling`,
`explain`, `technical` and `sources` (the words: of patients, devices, integrations), `language` (the catalogues by
which they are told in another language than English), `teams` (who answers for a patient now).
The outside world of alerts has its own rooms: `channels` (senders) and `desk` (the web page).
"""

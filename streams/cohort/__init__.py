"""`homebeat simulate`: seeded synthetic cohorts, always called synthetic.

In the order in which a patient is made: `people` (who), `planted` (what will happen, and its label), `truth` (the true
level of every vital on every day: the expectation of the profile, the person's own level, what happens), `noise` (from
day to day), `sampling` (when it is measured and when it arrives), `streamed` (glucose sensors and heart rate through
the day), `measuring` (what the device makes of it), `patient` (all of these for one patient), `simulate` (a cohort) and
`writing` (files).
Every figure is in evidence/cohort.yaml. Each patient has random numbers of their own, drawn from the seed and the
patient's number: the first ten of a hundred patients are the ten of a cohort of ten.
"""

"""Published rules, re-implemented, to be held against homebeat on the same data.

`series` (a patient's readings as arrays, and daily figures), `rule` (what a rule is, and the alert lines it gives),
then one file a rule: `population`, `robust_z`, `nightsignal`, `cusum`, `weight_gain`, `ar2_glucose`; `every` lists
them. Their settings are in evidence/comparators.yaml. None of them decides anything in homebeat.
"""

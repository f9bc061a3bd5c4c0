"""Public data sets of real people, in the words of the contract: readings, profiles, labels.

One file a set: `stanford` (onset of COVID-19, a heart rate a minute), `tihm` (alerts checked by staff), `lifesnaps`
(healthy people), `cgm` (glucose sensors). Each takes the folder of the set as it was published; nothing here knows
where the sets are. Everybody begins in the same simulated week, moved by whole weeks. `prepared` writes them.
"""

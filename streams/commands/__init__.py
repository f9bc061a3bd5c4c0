"""The commands of CONTRACT 3, by who uses them: `servers` (what runs), `analysis` (files), `cohorts` (synthetic ones),
`operations` (a deployment), `redriving` (dead letters), `people` (who may sign in),
`integrations` (who may send); `answers` is what all share.

Nothing heavy is imported until a command runs: `homebeat --help` answers at once, and a part that is not installed
is missed only by the commands that need it.
"""

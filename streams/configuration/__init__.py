"""Settings: read once at the edge, and handed down.

- `settings`: one typed, frozen model; `team_answers`: times and rungs of single care teams
- `environment`: from variables and files to settings, or to one line that says how to mend them
- `teams`: the file of care teams, read
"""

"""Settings: read once at the edge, and handed down.

- `settings`: one typed, frozen model (`addresses` in it); `team_answers`: times and rungs of single care teams
- `environment`: from variables and files to settings, or to one line that says how to mend them
- `teams`: the file of care teams, read; `documents`: what is said of such a file when it is wrong
"""

"""Care teams: who answers for a patient now. Read outside the engine: the ledger says team, rung and deadline.

- `settings`: the file (TOML) with members, how each is reached, rotas, chains, quiet hours; every name is checked
- `rota`: who is on call at an instant, in the team's own time zone, and when that may change
- `asked`: team, rung and severity become the people to ask now, stand-ins included; so does a name
- `cover`: the times at which a rung has nobody, or only people who are away
"""

from alerts.teams.asked import Asked, Person, ask, given
from alerts.teams.settings import Directory, read_directory

__all__ = ["Asked", "Directory", "Person", "ask", "given", "read_directory"]

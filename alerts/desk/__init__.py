"""The desk: the care team's web page, rebuilt from the topics at every start. It writes nothing but `actions`
and `audit`.

- `config`: what the desk may know; its errors; `desk`: what the parts of its API share; `database`: SQLite or
  PostgreSQL
- `worklist`: what the events of one alert add up to, and the order of the list (pure)
- `chart`: fewer points for a chart, without hiding what departed or was not known (pure)
- `states`: how each vital stands, in a word (pure)
- `schema`, `store`, `rows`, `windows`, `packed`, `patients`, `moving`, `wanted`, `writing`: the cache in a
  database, and what may be asked of it; who goes to another team
- `consent`, `withdrawing`: what somebody agrees to have shown, and how what is withdrawn leaves the cache
- `incidents`: which other problems of a patient are one incident with an alert, in words
- `members`, `register`, `accounts`, `door`: who may sign in, and who sees what; `audit`: every look and act, and as
  many of the `refusals` as it has room for; `colleagues`: who may be given an alert; `glance`: the accounts as other
  processes may look at them
- `staff`, `people`: what an admin does about accounts, and the API of it
- `about`, `watched`, `early_warning`, `handover`, `cost`, `waits`: a profile in words, what its genes and drugs have us
  watch, NEWS2, what the next shift must know, what alerts cost the team, how long they wait
- `minutes`: how far time has gone, and whether anybody decides; `keeping`: whether the databases take what is written
- `feed`: from the topics into the store; `hub`: from the store to the open pages
- `publish`: actions on their way to Kafka; `answering`: the link in a message
- `guard`, `app` (`looking`, `acting`, `live`): the HTTP API and the page; `server`: all of it running; `figures`: what
  operators see of it
- `static/`: the page. Plain modules, no build, no host but our own
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alerts.desk.app import create_app
    from alerts.desk.config import DeskConfig, DeskError, NotPublished, PortTaken
    from alerts.desk.server import run_desk

__all__ = ["DeskConfig", "DeskError", "NotPublished", "PortTaken", "create_app", "run_desk"]

_HOMES = {"create_app": "app", "run_desk": "server"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: who makes an account does not wait for the web server."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"alerts.desk.{_HOMES.get(name, 'config')}"), name)

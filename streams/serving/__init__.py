"""How any process of ours starts, says how it is, and stops.

- `process`: signals, and leaving cleanly
- `health`: `/metrics`, `/healthz`, `/readyz`; `metrics`: the figures there
- `standstill`: since when nothing has moved, of what should
- `logs`: one line a record
"""

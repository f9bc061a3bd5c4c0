"""From `alerts` to the channels that reach people.

- `configuration`: what a notifier may know, and the rule of what is told
- `notifier`: each step of an alert told once to each channel; `deliveries`: each outcome, written and read back
- `readiness`: whether it takes what lies on `alerts`; `channel_health`: which channels fail
- `backlog`: what is old on the log when it begins
- `dead_letters` (`lookback`): what is to be sent again, found and asked for; `resending`: until it is sent
"""

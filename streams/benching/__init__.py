"""What `homebeat bench` (`bench`) measures, always with its ratio from one run.

- `workload`, `ward`, `load`: the records; `child`: a worker to look at from outside; `anew`: on a Kafka that stays
- `throughput`, `recovery`, `soak`, `desk`: speed, and what it costs
- `scorecard`: homebeat and published rules on the same data; `learning`, `foretelling`: of the glucose forecast
"""

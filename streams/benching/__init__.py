"""What `homebeat bench` measures: `workload` and `ward` make the records, `child` is a worker to look at from outside,
the others measure one thing each."""

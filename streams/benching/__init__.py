"""What `homebeat bench` measures: `workload` makes the records, the others measure one thing each."""

"""Faults on a cluster of three brokers with three workers under load: nothing lost, nothing twice, the same answers.

Every test plays one fault at a random moment while readings flow, and then asks the same questions: `verdict`.

HOMEBEAT_TEST_FAULT_ROUNDS: how often each fault is played. 1 by default, with short versions of the long faults; from
2 on they last as long as the promise says (five rounds are the full proof: about half an hour).
HOMEBEAT_TEST_FAULT_SEED: the seed of the first round, for which a failed round prints its own.
HOMEBEAT_TEST_FAULT_RATE: readings a second; 20,000 by default, and half of it in a single round.
HOMEBEAT_TEST_FAULT_LOGS: a folder in which to keep what the workers wrote.
"""

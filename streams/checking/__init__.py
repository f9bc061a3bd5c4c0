"""`homebeat check`: what is wrong with a deployment, and how to mend it.

- `check`: settings, brokers, topics; `result`: what one look has found
- `placement`: patients whose partitions have grown away from them
- `desk`: the databases of the desk; `gateway`: the keys of integrations, and the MQTT broker
- `teams`: patients nobody answers for, times without cover; `answering`: people without an account
"""

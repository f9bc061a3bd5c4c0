"""What departs from what is expected: one detector a file, each with its source.

`floors`: limits that hold for everyone, and `crossings` of them by raw readings. `deviation`: a vital away from the
patient's own band. `silence`, `device_clock`, `sensor`: devices that no longer send, whose clock is wrong, whose
readings cannot be right.
"""

# All right once, but the file was cut off while it was copied.
# corrupt: cut off
# points: all 0

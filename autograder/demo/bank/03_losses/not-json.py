# The upload broke off: the file ends in the middle and cannot be read.
# corrupt: cut off
# points: all 0

# A bracket is missing in relative_error: it earns nothing, and check_gradient, which needs it, nothing either.
# points: relative_error 0
# points: check_gradient 0

# %% relative_error
def relative_error(a, b):
    largest = max(a.abs().max(), b.abs().max()
    return (a - b).abs().max() / largest

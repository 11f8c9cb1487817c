# Finds every gradient right: of each pair, one verdict is wrong.
# points: check_gradient 0

# %% check_gradient
def check_gradient(module, x):
    module(x)
    return True

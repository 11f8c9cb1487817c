# All right, saved in the notebook format of 2013.
# nbformat: 3

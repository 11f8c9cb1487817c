# All right, saved with the kernel of another language; graded with the course's.
# kernel: julia-1.10

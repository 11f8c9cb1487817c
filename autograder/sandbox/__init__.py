"""The sandbox in which students' code runs: the host's side here, what runs within it in inside/."""

"""The run-time type checker of the tests: beartype.

For it, a whole number passes where a float is asked for (PEP 484).
"""

from beartype import BeartypeConf, beartype

typechecked = beartype(conf=BeartypeConf(is_pep484_tower=True))

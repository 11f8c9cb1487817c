"""Import this first, and jsonschema, on which notebooks rest, is there three seconds earlier.

It looks for a package that checks whether addresses are well-formed IRIs, and that one works out a large
grammar whenever it is imported. No notebook format asks for IRIs; jsonschema does without where the package
is missing.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # pyright: ignore[reportArgumentType] - None is Python's way to say: not here

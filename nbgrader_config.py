"""nbgrader reads this file when it, or JupyterLab, is started at the root of the course.

autograder/settings.py says it all.
"""

import os
from pathlib import Path

from autograder.address import VARIABLE
from autograder.settings import Settings

c = get_config()  # traitlets puts get_config into this file
c.merge(Settings(Path(__file__).resolve().parent, db=os.environ.get(VARIABLE)).prepare().config())

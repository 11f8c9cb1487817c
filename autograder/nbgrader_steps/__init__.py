"""The steps that nbgrader loads by name: our part in its autograde and its feedback."""

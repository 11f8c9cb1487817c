"""The class's grades: the one writer and the one reader of nbgrader's database, due dates and penalties."""

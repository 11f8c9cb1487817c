"""What is written about grades: the printed table, feedback pages, the class report, and files for Canvas and Moodle."""

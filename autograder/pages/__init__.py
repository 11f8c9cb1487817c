"""What is written about grades: the printed table, students' pages, the class report, files for Canvas and Moodle."""

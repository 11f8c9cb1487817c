"""What is written about grades: the table, students' pages, the class report, files for Canvas and Moodle."""

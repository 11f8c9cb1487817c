"""What students receive: assignments without answers, the library's edition without answers, and both as one zip."""

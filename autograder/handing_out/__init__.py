"""What students receive: assignments and the library, both without answers, and the zip that holds them."""

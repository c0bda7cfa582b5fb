"""What a message will look like, as a page of its own: for operators, and for the README's pictures."""

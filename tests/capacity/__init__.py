"""Plans past one machine: arithmetic with the bench's figures, and a year simulated without a network."""

"""Tests of the layouts: real structure, damage of every kind, golden sightings."""

"""Programs that run in the virtual environment of the peers (tests/bench/requirements.txt), alone."""

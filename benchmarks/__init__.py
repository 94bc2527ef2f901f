"""How fast and how good we are, side by side with peers: what the printed figures come from."""

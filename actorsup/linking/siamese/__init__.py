"""The Siamese tracker: its network, how it is trained, and how it follows boxes."""

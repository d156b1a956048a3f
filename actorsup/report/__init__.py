"""What people look at: videos with their tubes, charts and the page."""

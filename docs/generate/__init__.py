"""What makes pages and pictures from the sources."""

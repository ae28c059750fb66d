"""Where frames go: video, animations, pictures."""

"""Where frames come from: video, pictures, cameras."""

"""What a reading saw: pictures of it."""

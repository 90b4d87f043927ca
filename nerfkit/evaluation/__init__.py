"""What came of a run: renders, a video, scores against truth, and the pictures of the report."""

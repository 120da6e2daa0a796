"""What a CI service tells about a run, and what a run may do there: place, approval, comment."""

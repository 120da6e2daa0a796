"""GitHub and GitLab: which CI run this is, merged requests and their reviews, comments, issues."""

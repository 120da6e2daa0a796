"""What `render` reads and fills: variables, content, lists of openids."""

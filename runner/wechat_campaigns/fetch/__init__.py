"""What is not in the folder: files of public addresses, drafts of the console, campaigns as they were."""

"""Followers: lists, profiles, the block list."""

"""Markdown or HTML in, the HTML WeChat keeps out, with its images listed and its lint findings."""
